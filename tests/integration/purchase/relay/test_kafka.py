"""The relay on Kafka: a producer that numbers its records, and offsets that a group commits."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from struct import pack, unpack

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from contracts.position import Position
from contracts.routing import MESSAGES, PURCHASE
from infra_local.running import ProgramFailed, RunningServer, log_file
from purchase.brokers.kafka import Kafka
from purchase.store.connection import Recovering

from tests.stage.brokers import Broker, KafkaBroker
from tests.stage.mock_kafka import mock_kafka
from tests.stage.outbox_scenario import PARTITION, OutboxScenario, outbox_scenario, positions
from tests.stage.polling import until
from tests.stage.processes.relay import describe, relaying
from tests.stage.proxy import KafkaProxy, Rule, listening

pytestmark = pytest.mark.starts_processes

JOINING = b"roundrobin"
"""Part of a request to join a group."""

OUT_OF_ORDER = 45
UNTIL_PRODUCER = 55
"""Bytes in a produce request between the topic's name and the producer's id, epoch and number."""


@pytest.fixture
def mock() -> Iterator[int]:
    """The port of a Kafka that supports idempotent producers."""
    with mock_kafka() as port:
        yield port


@pytest.fixture
async def proxy(mock: int) -> AsyncIterator[KafkaProxy]:
    """A proxy in front of it."""
    async with listening(KafkaProxy(mock)) as own:
        yield own


@pytest.fixture
async def scenario(redis_url: str) -> AsyncIterator[OutboxScenario]:
    async with outbox_scenario(redis_url) as own:
        yield own


def settings_of(proxy: KafkaProxy) -> dict[str, str]:
    return {"BROKER": "kafka", "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{proxy.port}"}


def numbered(request: bytes) -> tuple[int, int, int]:
    """Return the producer's id and epoch, and the number of the record in a request."""
    fields = request.partition(MESSAGES.encode())[2][UNTIL_PRODUCER:][:14]
    producer, epoch, number = unpack(">qhi", fields)
    return producer, epoch, number


async def refuse(_request: bytes, answer: bytes) -> bytes:
    """Change the answer to a produce request as if its record had the wrong number."""
    at = answer.index(MESSAGES.encode()) + len(MESSAGES) + 8
    return answer[:at] + pack(">h", OUT_OF_ORDER) + answer[at + 2 :]


async def stay_silent(_request: bytes, _answer: bytes) -> bytes:
    return b""


async def test_a_record_sent_again_after_a_lost_answer_keeps_its_number(
    scenario: OutboxScenario, mock: int, proxy: KafkaProxy, redis_url: str
) -> None:
    async def lose_first(_request: bytes, answer: bytes) -> bytes | None:
        return None if len(proxy.marked) == 1 else answer

    await scenario.sell(3)
    async with (
        relaying(redis_url, settings_of(proxy)) as relay,
        KafkaBroker(f"127.0.0.1:{mock}").published() as published,
    ):
        await relay.publish_waiting(PARTITION)
        proxy.follow(Rule(mark=b'"position":"1-4"', on_answer=lose_first))
        await scenario.sell(1, row=2)
        await relay.publish_waiting(PARTITION)
        assert scenario.waiting() == []
        await scenario.sell(1, row=3)
        await relay.publish_waiting(PARTITION)
        arrived = await published.positions(Position(1, 5))

    first, again = [numbered(request) for request in proxy.marked]
    assert first == again
    assert (first[0] > 0, first[2]) == (True, 1)
    assert list(dict.fromkeys(arrived)) == positions(0, 5)


async def test_a_relay_whose_producer_is_out_of_sequence_ends_and_a_new_one_continues(
    scenario: OutboxScenario, proxy: KafkaProxy, redis_url: str, tmp_path: Path
) -> None:
    relay = RunningServer(describe(tmp_path, redis_url, settings_of(proxy)))
    proxy.follow(Rule(mark=b'"position":"1-0"', on_answer=refuse))
    try:
        with pytest.raises(ProgramFailed, match="ended"):
            await asyncio.to_thread(relay.start)
    finally:
        relay.kill()
    assert "ending: the producer failed: OutOfOrderSequenceNumber" in log_file(relay.server).read_text()
    assert scenario.waiting_positions() == positions(0, 0)

    proxy.follow(Rule(mark=b'"position":"1-0"'))
    async with relaying(redis_url, settings_of(proxy)) as successor:
        await successor.publish_waiting(PARTITION)
    assert scenario.waiting() == []


async def test_messages_are_published_before_the_group_has_assigned_its_partitions(
    scenario: OutboxScenario, proxy: KafkaProxy, redis_url: str, tmp_path: Path
) -> None:
    relay = RunningServer(describe(tmp_path, redis_url, settings_of(proxy)))
    proxy.follow(Rule(mark=JOINING, on_answer=stay_silent))
    starting = asyncio.create_task(asyncio.to_thread(relay.start))
    try:
        await until(lambda: proxy.marked != [] and scenario.waiting() == [])
        assert not relay.server.ready()
    finally:
        relay.kill()
        with pytest.raises(ProgramFailed, match="ended"):
            await starting


@pytest.mark.on_kafka
async def test_only_handled_messages_are_committed(broker: Broker) -> None:
    servers = broker.settings["KAFKA_BOOTSTRAP_SERVERS"]
    consumer = Kafka(servers, idempotence=False)
    handed_over: list[bytes] = []
    lost: list[str] = []

    async def take_at_second_sight(batch: bytes) -> None:
        handed_over.append(batch)
        if batch == b"third" or handed_over.count(batch) == 1:
            raise Recovering

    async def committed() -> int | None:
        async with AIOKafkaConsumer(bootstrap_servers=servers, group_id=PURCHASE) as outside:
            offset: int | None = await outside.committed(TopicPartition(PURCHASE, PARTITION))
            return offset

    await broker.declare()
    await broker.publish_to_purchase(PARTITION, b"first", b"second", b"third")
    consumer.subscribe(take_at_second_sight, lost.append)
    try:
        await consumer.application.start()
        await consumer.supervise()
        await until(lambda: b"third" in handed_over)
        assert await committed() == 2
        assert await consumer.is_up()
    finally:
        await consumer.application.stop()
    assert handed_over[:5] == [b"first", b"first", b"second", b"second", b"third"]
    assert lost == []
