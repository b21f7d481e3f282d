"""What the terminal does on Kafka alone: its topics, how terminals share the partitions, and how tries are counted."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CorruptRecordException
from contracts.routing import MESSAGES, PURCHASE
from infra_local.running import RunningServer
from message_terminal import setup
from message_terminal.brokers import UnusableTopology, kafka_topology
from message_terminal.brokers.kafka import SESSION_MS, Kafka
from message_terminal.delivery import Delivery
from message_terminal.settings import Settings
from message_terminal.stores import StoreUnavailable

from tests.integration.message_terminal.conftest import PARTITIONS
from tests.stage.brokers import KafkaWire, Wire
from tests.stage.messages import batch, many_purchased
from tests.stage.mock_kafka import mock_kafka
from tests.stage.processes.terminal import Environment, RunningTerminal, started, until

JOIN_SECONDS = 5
"""More than the mock cluster waits for other members of a group."""


class Hand:
    """A worker that keeps what it is given, until told to acknowledge it."""

    model = "read"

    def __init__(self) -> None:
        self._deliveries: asyncio.Queue[Delivery] = asyncio.Queue()

    def receive(self, delivery: Delivery) -> None:
        self._deliveries.put_nowait(delivery)

    async def next(self) -> Delivery:
        """The next one. Raises TimeoutError."""
        async with asyncio.timeout(20):
            return await self._deliveries.get()


@pytest.fixture
async def servers() -> AsyncIterator[str]:
    """A Kafka that keeps what is noted with an offset; it makes topics of whatever it is asked for."""
    with mock_kafka() as port:
        async with administering(f"127.0.0.1:{port}") as admin:
            await admin.describe_topics(list(kafka_topology.TOPICS))
        yield f"127.0.0.1:{port}"


@asynccontextmanager
async def administering(servers: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


@asynccontextmanager
async def consuming(servers: str, lost: Callable[[str], None] = pytest.fail) -> AsyncIterator[Hand]:
    """What a terminal is given while it runs; `lost` is called when it cannot go on."""
    hand, kafka = Hand(), Kafka(servers, idempotence=True, replication=1)
    kafka.subscribe(hand)
    try:
        await kafka.connect()
        await kafka.application.start()
        await kafka.supervise(lost)
        yield hand
    finally:
        await kafka.stop_consuming()
        await kafka.application.stop()


async def test_topics_are_made_once_with_a_partition_for_each_of_ours(kafka_servers: str) -> None:
    kafka = Kafka(kafka_servers, idempotence=False, replication=1)
    await asyncio.gather(kafka.declare(PARTITIONS), kafka.declare(PARTITIONS))
    await kafka.declare(PARTITIONS)
    async with administering(kafka_servers) as admin:
        described = await admin.describe_topics([MESSAGES, PURCHASE])
    assert {topic["topic"]: len(topic["partitions"]) for topic in described} == {
        MESSAGES: PARTITIONS,
        PURCHASE: PARTITIONS,
    }
    with pytest.raises(UnusableTopology, match=f"{MESSAGES} has {PARTITIONS} partitions, not 64"):
        await kafka.declare(64)


async def test_without_its_topics_a_terminal_does_not_begin(kafka_servers: str) -> None:
    kafka = Kafka(kafka_servers, idempotence=False, replication=1)
    with pytest.raises(StoreUnavailable, match=f"Kafka: UnknownTopicOrPartitionError .*{MESSAGES}"):
        await kafka.connect()


async def test_where_nothing_waits_nothing_is_noted_and_nothing_goes_wrong(
    servers: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with consuming(servers) as hand, AIOKafkaProducer(bootstrap_servers=servers) as producer:
        await producer.send_and_wait(MESSAGES, b"first", partition=1)
        assert await said(hand) == (b"first", 0)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_a_consumer_that_cannot_go_on_is_told_of(servers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def corrupt(_: AIOKafkaConsumer) -> None:
        raise CorruptRecordException

    monkeypatch.setattr(AIOKafkaConsumer, "getone", corrupt)
    told: asyncio.Queue[str] = asyncio.Queue()
    async with consuming(servers, told.put_nowait):
        assert "CorruptRecordException" in await asyncio.wait_for(told.get(), 20)


async def test_a_partition_whose_tries_cannot_be_noted_is_consumed_within_the_session(
    servers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(AIOKafkaAdminClient, "list_consumer_group_offsets", never)
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        await producer.send_and_wait(MESSAGES, b"first", partition=1)
    async with asyncio.timeout(SESSION_MS / 1_000 + JOIN_SECONDS), consuming(servers) as hand:
        assert await said(hand) == (b"first", 0)


async def test_a_record_that_comes_again_and_again_says_how_often(servers: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        for body in (b"first", b"second"):
            await producer.send_and_wait(MESSAGES, body, partition=1)
    async with consuming(servers) as hand:
        assert await said(hand) == (b"first", 0)
    async with consuming(servers) as hand:
        first = await hand.next()
        assert (first.body, first.redeliveries) == (b"first", 1)
        assert await said(hand) == (b"second", 0)
        await first.acknowledge()
    async with consuming(servers) as hand:
        assert await said(hand) == (b"second", 0)


async def said(hand: Hand) -> tuple[bytes, int]:
    """What came, and how often it came before."""
    delivery = await hand.next()
    return delivery.body, delivery.redeliveries


@pytest.mark.on_kafka
async def test_a_terminal_says_that_kafka_does_not_answer_until_it_does_again(
    environment: Environment, private_kafka: RunningServer, tmp_path: Path
) -> None:
    wire = KafkaWire(private_kafka.url, {"KAFKA_IDEMPOTENCE": "false", "KAFKA_REPLICATION": "1"})
    told = {**environment, **wire.settings, "MODELS": "read"}
    await setup.set_up(Settings.read(told))
    async with AsyncExitStack() as stack:
        running = await started(stack, told, tmp_path / "log")
        private_kafka.pause()

        async def says_so() -> bool:
            answer = await running.answer("/health/ready")
            return answer is not None and answer.status_code == 503 and "Kafka does not answer" in answer.text

        await until(says_so)
        private_kafka.resume()
        await until(running.is_ready)
        await wire.publish(0, [batch(many_purchased(25, first=0, partition=0))])
        await until(lambda: has_projected(running, 25))


async def has_projected(running: RunningTerminal, count: int) -> bool:
    """Whether it has taken so many messages into the read model."""
    return await running.metric('messages_projected_total{model="read"}') >= count


@pytest.mark.on_kafka
async def test_terminals_share_the_partitions_and_each_message_is_counted_once(
    wire: Wire, environment: Environment, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        both = [await started(stack, environment | {"MODELS": "read"}, tmp_path / name) for name in ("one", "other")]

        async def shares() -> list[float]:
            return [await one.metric('messages_projected_total{model="read"}') for one in both]

        async def all_are_projected() -> bool:
            return sum(await shares()) >= 25 * PARTITIONS

        for partition in range(PARTITIONS):
            sales = many_purchased(25, event_id=f"Event{partition}", first=0, partition=partition)
            await wire.publish(partition, [batch(sales)])
        await until(all_are_projected)
        assert await shares() == [25 * PARTITIONS / 2] * 2
