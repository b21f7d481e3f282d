"""The commands for a move between brokers: `parity` compares messages, `drained` finds backlogs."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from contextlib import suppress

import pytest
from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import DeliveryError
from contracts import routing
from message_terminal import parity
from message_terminal.brokers import rabbitmq
from message_terminal.brokers.chosen import both
from message_terminal.cli import DONE, NOT_DONE, UNAVAILABLE, WRONG_USAGE, run
from message_terminal.settings import Settings

from tests.stage.brokers import Broker, channel
from tests.stage.messages import PARTITION, batch, purchased
from tests.stage.processes.terminal import Environment

SECONDS = 4.0
EDGE_SECONDS = 1.0


@pytest.fixture
async def addresses(rabbitmq_broker: Broker, kafka_broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Settings with both brokers, whose queues and topics exist; there is no other store."""
    monkeypatch.setattr(parity, "EDGE_SECONDS", EDGE_SECONDS)
    monkeypatch.setattr(rabbitmq, "DELIVER_SECONDS", EDGE_SECONDS)
    mysql = {"MYSQL_URL": "mysql+aiomysql://nowhere.invalid/"}
    addresses = {**mysql, **kafka_broker.settings, **rabbitmq_broker.settings}
    for broker in both(Settings.read(addresses)):
        await broker.declare(PARTITION + 1)
    return addresses


def sale(number: int) -> bytes:
    return batch([purchased(position=f"1-{number}", column=number % 26 + 1)])


async def compared(
    addresses: Environment, brokers: Sequence[Broker], body_for: Callable[[Broker, int], bytes]
) -> parity.Parity:
    """Compare the brokers while messages are published to `brokers`, one after the other."""
    is_over = asyncio.Event()

    async def publish() -> None:
        for number in itertools.count():
            if is_over.is_set():
                return
            for broker in brokers:
                # A queue that is deleted loses messages on the way to it; the relay would retry.
                with suppress(DeliveryError):
                    await broker.publish(PARTITION, [body_for(broker, number)])

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(publish())
        result = await parity.compare(*both(Settings.read(addresses)), SECONDS)
        is_over.set()
    return result


async def test_brokers_with_the_same_messages_have_no_differences(
    addresses: Environment, rabbitmq_broker: Broker, kafka_broker: Broker
) -> None:
    bodies: dict[int, bytes] = {}

    def same(_: Broker, number: int) -> bytes:
        return bodies.setdefault(number, sale(number))

    result = await compared(addresses, [rabbitmq_broker, kafka_broker], same)
    assert result.differences == []
    assert 0 < result.compared <= len(bodies)


@pytest.mark.parametrize("silent", ["RabbitMQ", "Kafka"])
async def test_a_message_that_is_missing_at_one_broker_is_a_difference(
    addresses: Environment, rabbitmq_broker: Broker, kafka_broker: Broker, silent: str
) -> None:
    bodies: dict[int, bytes] = {}
    brokers = {"RabbitMQ": rabbitmq_broker, "Kafka": kafka_broker}

    def every_third_is_missing(broker: Broker, number: int) -> bytes:
        is_missing = broker is brokers[silent] and number % 3 == 0
        return b"[]" if is_missing else bodies.setdefault(number, sale(number))

    result = await compared(addresses, list(brokers.values()), every_third_is_missing)
    assert result.differences
    assert len(result.differences) < result.compared
    for difference in result.differences:
        where, _, problem = difference.partition(": ")
        assert problem == f"missing at {silent}"
        assert int(where.rpartition("-")[2]) % 3 == 0


async def test_a_message_with_another_content_is_a_difference(
    addresses: Environment, rabbitmq_broker: Broker, kafka_broker: Broker
) -> None:
    def each_its_own(_: Broker, number: int) -> bytes:
        return sale(number)

    result = await compared(addresses, [rabbitmq_broker, kafka_broker], each_its_own)
    assert len(result.differences) == result.compared > 0
    assert result.differences[0].startswith(f"partition {PARTITION}, position 1-")
    assert result.differences[0].endswith("the content differs")


async def test_a_comparison_without_messages_fails(addresses: Environment, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run(["parity", "--seconds", "6"], addresses) == NOT_DONE
    assert capsys.readouterr().out == "0 messages compared, 0 differences\n"


async def test_listening_takes_nothing_from_the_models(
    addresses: Environment, rabbitmq_broker: Broker, kafka_broker: Broker
) -> None:
    bodies = [sale(number) for number in range(5)]
    for listener in both(Settings.read(addresses)):
        broker = rabbitmq_broker if listener.name == "RabbitMQ" else kafka_broker
        async with listener.listening() as batches:
            await broker.publish(PARTITION, bodies)
            assert [await anext(batches) for _ in bodies] == bodies
        for subscription in (routing.WRITE_MODEL, routing.READ_MODEL):
            assert await broker.take(subscription, len(bodies)) == bodies


async def test_a_subscription_is_drained_once_its_backlog_is_consumed(
    broker: Broker, addresses: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {**addresses, "BROKER": broker.name}
    await broker.publish(PARTITION, [sale(1)])
    await broker.take(routing.READ_MODEL)
    assert await run(["drained", "read", "purchase"], settings) == DONE
    capsys.readouterr()
    assert await run(["drained"], settings) == NOT_DONE
    assert capsys.readouterr().out.splitlines() == [
        "ticketing.write-model: has a backlog",
        "ticketing.read-model: drained",
        "ticketing.purchase: drained",
    ]
    await broker.take(routing.WRITE_MODEL)
    assert await run(["drained"], settings) == DONE


async def test_a_queue_with_consumers_is_not_drained(
    addresses: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    async with channel(addresses["RABBITMQ_URL"]) as open_channel:
        queue = await open_channel.get_queue(routing.WRITE_MODEL)
        await queue.consume(_leave)
        assert await run(["drained", "write"], addresses) == NOT_DONE
    assert capsys.readouterr().out == "ticketing.write-model: still has consumers; stop them first\n"


async def _leave(_: AbstractIncomingMessage) -> None:
    """Neither acknowledge nor return the message."""


@pytest.mark.parametrize(
    ("arguments", "changed", "status"),
    [
        (["parity"], {"KAFKA_BOOTSTRAP_SERVERS": ""}, WRONG_USAGE),
        (["parity"], {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}, UNAVAILABLE),
        (["drained"], {"BROKER": "kafka", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}, UNAVAILABLE),
        (["drained"], {"RABBITMQ_URL": "amqp://127.0.0.1:1/"}, UNAVAILABLE),
        (["drained"], {"BROKER": "pigeons"}, WRONG_USAGE),
    ],
)
async def test_an_unavailable_broker_and_a_wrong_setting_have_their_exit_status(
    addresses: Environment, arguments: list[str], changed: Environment, status: int
) -> None:
    assert await run(arguments, {**addresses, **changed}) == status


@pytest.mark.parametrize("arguments", [["parity", "--seconds", "2"], ["parity", "--seconds", "nan"], ["drained", "me"]])
async def test_wrong_arguments_are_refused(addresses: Environment, arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        await run(arguments, addresses)
