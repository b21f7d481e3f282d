"""What the commands of a move from one broker to another say: whether both tell the same, and what still waits."""

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

from tests.stage.brokers import Wire, channel
from tests.stage.messages import PARTITION, batch, purchased
from tests.stage.processes.terminal import Environment

SECONDS = 4.0
EDGE_SECONDS = 1.0


@pytest.fixture
async def addresses(rabbitmq_wire: Wire, kafka_wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Both brokers, each with all that messages travel through; no other store is needed."""
    monkeypatch.setattr(parity, "EDGE_SECONDS", EDGE_SECONDS)
    monkeypatch.setattr(rabbitmq, "DELIVER_SECONDS", EDGE_SECONDS)
    mysql = {"MYSQL_URL": "mysql+aiomysql://nowhere.invalid/"}
    addresses = {**mysql, **kafka_wire.settings, **rabbitmq_wire.settings}
    for broker in both(Settings.read(addresses)):
        await broker.declare(PARTITION + 1)
    return addresses


def sale(number: int) -> bytes:
    return batch([purchased(position=f"1-{number}", column=number % 26 + 1)])


async def compared(
    addresses: Environment, wires: Sequence[Wire], body_for: Callable[[Wire, int], bytes]
) -> parity.Parity:
    """What a comparison says, of what these are told meanwhile, one after the other."""
    is_over = asyncio.Event()

    async def tell() -> None:
        for number in itertools.count():
            if is_over.is_set():
                return
            for wire in wires:
                # A tap that ends takes with it what is on its way to it; the relay would publish that again.
                with suppress(DeliveryError):
                    await wire.publish(PARTITION, [body_for(wire, number)])

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(tell())
        said = await parity.compare(*both(Settings.read(addresses)), SECONDS)
        is_over.set()
    return said


async def test_two_brokers_that_are_told_the_same_agree(
    addresses: Environment, rabbitmq_wire: Wire, kafka_wire: Wire
) -> None:
    told: dict[int, bytes] = {}

    def same(_: Wire, number: int) -> bytes:
        return told.setdefault(number, sale(number))

    said = await compared(addresses, [rabbitmq_wire, kafka_wire], same)
    assert said.differences == []
    assert 0 < said.compared <= len(told)


@pytest.mark.parametrize("silent", ["RabbitMQ", "Kafka"])
async def test_what_one_of_them_was_not_told_is_named(
    addresses: Environment, rabbitmq_wire: Wire, kafka_wire: Wire, silent: str
) -> None:
    told: dict[int, bytes] = {}
    wires = {"RabbitMQ": rabbitmq_wire, "Kafka": kafka_wire}

    def every_third_is_missing(wire: Wire, number: int) -> bytes:
        is_missing = wire is wires[silent] and number % 3 == 0
        return b"[]" if is_missing else told.setdefault(number, sale(number))

    said = await compared(addresses, list(wires.values()), every_third_is_missing)
    assert said.differences
    assert len(said.differences) < said.compared
    for difference in said.differences:
        where, _, what = difference.partition(": ")
        assert what == f"missing at {silent}"
        assert int(where.rpartition("-")[2]) % 3 == 0


async def test_a_message_that_is_not_the_same_at_both_is_named(
    addresses: Environment, rabbitmq_wire: Wire, kafka_wire: Wire
) -> None:
    def each_its_own(_: Wire, number: int) -> bytes:
        return sale(number)

    said = await compared(addresses, [rabbitmq_wire, kafka_wire], each_its_own)
    assert len(said.differences) == said.compared > 0
    assert said.differences[0].startswith(f"partition {PARTITION}, position 1-")
    assert said.differences[0].endswith("the content differs")


async def test_where_nothing_was_told_nothing_was_found_to_be_the_same(
    addresses: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(["parity", "--seconds", "6"], addresses) == NOT_DONE
    assert capsys.readouterr().out == "0 messages compared, 0 differences\n"


async def test_listening_takes_nothing_from_the_models(
    addresses: Environment, rabbitmq_wire: Wire, kafka_wire: Wire
) -> None:
    told = [sale(number) for number in range(5)]
    for broker in both(Settings.read(addresses)):
        wire = rabbitmq_wire if broker.name == "RabbitMQ" else kafka_wire
        async with broker.listening() as batches:
            await wire.publish(PARTITION, told)
            assert [await anext(batches) for _ in told] == told
        for lane in (routing.WRITE_MODEL, routing.READ_MODEL):
            assert await wire.take(lane, len(told)) == told


async def test_what_waits_is_seen_until_it_is_taken(
    wire: Wire, addresses: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    told = {**addresses, "BROKER": wire.broker}
    await wire.publish(PARTITION, [sale(1)])
    await wire.take(routing.READ_MODEL)
    assert await run(["drained", "read", "purchase"], told) == DONE
    capsys.readouterr()
    assert await run(["drained"], told) == NOT_DONE
    assert capsys.readouterr().out.splitlines() == [
        "ticketing.write-model: has a backlog",
        "ticketing.read-model: drained",
        "ticketing.purchase: drained",
    ]
    await wire.take(routing.WRITE_MODEL)
    assert await run(["drained"], told) == DONE


async def test_a_queue_that_somebody_takes_from_is_not_called_drained(
    addresses: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    async with channel(addresses["RABBITMQ_URL"]) as open_channel:
        queue = await open_channel.get_queue(routing.WRITE_MODEL)
        await queue.consume(_leave)
        assert await run(["drained", "write"], addresses) == NOT_DONE
    assert capsys.readouterr().out == "ticketing.write-model: still has consumers; stop them first\n"


async def _leave(_: AbstractIncomingMessage) -> None:
    """Neither acknowledged nor given back."""


@pytest.mark.parametrize(
    ("arguments", "told", "status"),
    [
        (["parity"], {"KAFKA_BOOTSTRAP_SERVERS": ""}, WRONG_USAGE),
        (["parity"], {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}, UNAVAILABLE),
        (["drained"], {"BROKER": "kafka", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}, UNAVAILABLE),
        (["drained"], {"RABBITMQ_URL": "amqp://127.0.0.1:1/"}, UNAVAILABLE),
        (["drained"], {"BROKER": "pigeons"}, WRONG_USAGE),
    ],
)
async def test_a_broker_that_is_not_there_is_named(
    addresses: Environment, arguments: list[str], told: Environment, status: int
) -> None:
    assert await run(arguments, {**addresses, **told}) == status


@pytest.mark.parametrize("arguments", [["parity", "--seconds", "2"], ["parity", "--seconds", "nan"], ["drained", "me"]])
async def test_what_cannot_be_asked_is_refused(addresses: Environment, arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        await run(arguments, addresses)
