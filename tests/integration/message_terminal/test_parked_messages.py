"""Parked messages: listed, redriven with the same result as without parking, and discarded."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest
from contracts.codec import AnyMessage, encode
from contracts.ticket import TicketRejected
from message_terminal import cli, parking
from message_terminal.delivery import Delivery
from message_terminal.models import Models
from message_terminal.parking import NotParked, Refused
from message_terminal.projector import Projector
from message_terminal.read_model.projector import ReadModelProjector
from message_terminal.redrive import redrive
from message_terminal.worker import Worker
from message_terminal.write_model.projector import WriteModelProjector
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.stage.messages import (
    PARTITIONS,
    batch,
    cancelled,
    event_scheduled,
    hold_released,
    purchased,
    seats_held,
    venue_defined,
    zone,
)
from tests.stage.projections import Rows, items, parked, rows
from tests.stage.stores.isolation import Tables

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient


class FailingProjector:
    """A projector that fails on one message, like one with a bug that is fixed later."""

    def __init__(self, projector: Projector, unprojectable: AnyMessage) -> None:
        self.model = projector.model
        self._projector = projector
        self._unprojectable = unprojectable

    async def project(self, messages: Sequence[AnyMessage], refused: Sequence[Refused] = ()) -> None:
        """Project; raise TypeError if the message is among them."""
        if self._unprojectable in messages:
            raise TypeError("a bug")
        await self._projector.project(messages, refused)


@pytest.fixture
def models(engine: AsyncEngine, read_model: ReadModelProjector, write_model: WriteModelProjector) -> Models:
    """Both projectors."""
    return Models(engine, {"read": read_model, "write": write_model}, {})


@pytest.fixture
def environment(dynamodb: Tables, mysql_url: str) -> dict[str, str]:
    """The environment of the command line; its broker does not exist."""
    return {
        "RABBITMQ_URL": "amqp://127.0.0.1:1/",
        "MYSQL_URL": mysql_url,
        "DYNAMODB_URL": dynamodb.url,
        "DYNAMODB_PREFIX": dynamodb.prefix,
        "PARTITIONS": str(PARTITIONS),
    }


async def deliver(projector: Projector, bodies: Sequence[bytes]) -> None:
    """Deliver batches to a worker and run it until it has acknowledged all."""
    worker = Worker(projector, PARTITIONS)
    unacknowledged = len(bodies)

    async def acknowledge() -> None:
        nonlocal unacknowledged
        unacknowledged -= 1
        if not unacknowledged:
            worker.stop()

    for body in bodies:
        worker.receive(Delivery(body, 0, acknowledge))
    await worker.run()


def story(event_id: str, partition: int) -> list[AnyMessage]:
    """An event's history in order: catalogue, sales, a cancellation and holds."""
    hold = f"{partition:032x}"
    first = purchased(event_id=event_id, partition=partition, position="1-3")
    second = purchased(event_id=event_id, partition=partition, generation=2, position="1-5")
    held = seats_held((1, 1), (2, 2), hold=hold, event_id=event_id, zone_id=2, partition=partition, position="1-6")
    released = seats_held(hold=f"f{hold[1:]}", event_id=event_id, zone_id=3, partition=partition, position="1-7")
    zones = [zone(1, price_cents=9_900)]
    return [
        venue_defined(venue_id=f"venue-of-{event_id}", partition=partition, position="1-0"),
        event_scheduled(event_id=event_id, partition=partition, name="first", position="1-1"),
        event_scheduled(event_id=event_id, partition=partition, name="second", zones=zones, position="1-2"),
        first,
        cancelled(first, position="1-4"),
        second,
        held,
        released,
        purchased(event_id=event_id, partition=partition, zone_id=2, hold=hold, position="1-8"),
        hold_released(released, position="1-9"),
    ]


@pytest.mark.parametrize("number", range(len(story("any", 0))))
async def test_a_redriven_message_has_the_same_effect_on_the_read_model_as_without_parking(
    models: Models, engine: AsyncEngine, number: int
) -> None:
    messages, control = story("parked", 1), story("control", 2)
    await models.projectors["read"].project(control)
    failing = FailingProjector(models.projectors["read"], messages[number])
    await deliver(failing, [batch(messages[:4]), batch(messages[4:])])
    (row,) = await parked(engine)
    assert (row["body"], row["reason"]) == (encode(messages[number]), "TypeError: a bug")
    assert await redrive(models, PARTITIONS, row["id"]) is None
    assert await read_model_of(engine, "parked", 1) == await read_model_of(engine, "control", 2)
    assert await parked(engine) == []


@pytest.mark.parametrize("number", range(len(story("any", 0))))
async def test_a_redriven_message_has_the_same_effect_on_the_write_model_as_without_parking(
    models: Models,
    engine: AsyncEngine,
    client: "DynamoDBClient",
    dynamodb: Tables,
    rejections: list[TicketRejected],
    number: int,
) -> None:
    messages, control = story("parked", 1), story("control", 2)
    await models.projectors["write"].project(control)
    await deliver(
        FailingProjector(models.projectors["write"], messages[number]), [batch(messages[:4]), batch(messages[4:])]
    )
    (row,) = await parked(engine)
    assert (row["model"], row["body"]) == ("write", encode(messages[number]))
    assert await redrive(models, PARTITIONS, row["id"]) is None
    assert await write_model_of(client, dynamodb, "parked") == await write_model_of(client, dynamodb, "control")
    assert await parked(engine) == []
    assert rejections == []


async def test_the_cancellation_of_a_double_sale_is_parked_by_neither_model(
    models: Models, engine: AsyncEngine, client: "DynamoDBClient", dynamodb: Tables, rejections: list[TicketRejected]
) -> None:
    owner, intruder, other = purchased(), purchased(position="1-3"), purchased(row=2, position="1-5")
    bodies = [batch([owner]), batch([intruder]), batch([cancelled(intruder, position="1-4"), other])]
    for projector in models.projectors.values():
        for body in bodies:
            await deliver(projector, [body])
    assert [(row["model"], row["sequence"]) for row in await parked(engine)] == [("read", 3)]
    assert [rejection.data.ticket_id for rejection in rejections] == [intruder.data.ticket_id]
    stored = await rows(engine, "SELECT ticket_id FROM ticket")
    assert {row["ticket_id"] for row in stored} == {str(sale.data.ticket_id) for sale in (owner, other)}
    tickets = {item["ticketId"]: item["status"] for item in await items(client, dynamodb, "Tickets")}
    assert tickets == {
        str(owner.data.ticket_id): "PAID",
        str(intruder.data.ticket_id): "CANCELLED",
        str(other.data.ticket_id): "PAID",
    }


async def test_redriving_is_idempotent(models: Models, engine: AsyncEngine) -> None:
    sale = purchased()
    await models.projectors["read"].project([sale])
    for _ in range(2):
        await models.projectors["read"].project([], [Refused(encode(sale), "by mistake")])
        (row,) = await parked(engine)
        assert await redrive(models, PARTITIONS, row["id"]) is None
        with pytest.raises(NotParked):
            await redrive(models, PARTITIONS, row["id"])
    (zone_row,) = await rows(engine, "SELECT * FROM zone_sales")
    assert (zone_row["sold_count"], zone_row["revenue_cents"]) == (1, 2_500)


async def test_a_message_that_still_cannot_be_projected_stays_parked_and_is_counted(
    models: Models, engine: AsyncEngine
) -> None:
    impossible = encode(purchased(created_on="2030-02-30T00:00:00.000000Z"))
    await models.projectors["read"].project([], [Refused(b"?", "no batch"), Refused(impossible, "first")])
    reasons = [await redrive(models, PARTITIONS, row["id"]) for row in await parked(engine)]
    assert reasons[0] is not None
    assert reasons[0].startswith("MalformedMessage")
    assert reasons[1] == "ValueError: day is out of range for month"
    assert [(row["times"], row["reason"]) for row in await parked(engine)] == [(2, reason) for reason in reasons]


async def test_the_command_line_lists_shows_redrives_and_discards(
    models: Models, engine: AsyncEngine, environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    good = encode(purchased(position="1-7"))
    await models.projectors["read"].project([], [Refused(good, "a bug"), Refused(b"\xff?", "no batch")])
    first, second = [row["id"] for row in await parked(engine)]

    async def command(*arguments: object) -> tuple[int, str]:
        status = await cli.run(["parked", *map(str, arguments)], environment)
        return status, capsys.readouterr().out

    status, listed = await command("list")
    assert status == 0
    assert f"{first}  read  partition 3  1-7  ticket.purchased.v1  1 times" in listed
    assert f"{second}  read  partition -  -  -  1 times" in listed
    status, shown = await command("show", first)
    assert status == 0
    assert "reason: a bug" in shown
    assert good.decode() in shown
    assert "\\xff?" in (await command("show", second))[1]
    assert await command("redrive", first, 999) == (1, f"{first}: projected\n999: not parked\n")
    status, printed = await command("redrive", "--all")
    assert (status, printed.split(":")[0]) == (1, str(second))
    assert await command("discard", second) == (0, f"{second}: discarded\n")
    assert (await command("discard", second))[0] == 1
    assert (await command("show", second))[0] == 1
    assert await command("list") == (0, "")
    assert await command("redrive", "--all") == (0, "")


async def test_the_exit_status_distinguishes_wrong_usage_from_an_unavailable_store(environment: dict[str, str]) -> None:
    unavailable = {**environment, "MYSQL_URL": "mysql+aiomysql://nobody@127.0.0.1:1/ticketing"}
    assert await cli.run(["parked", "list"], unavailable) == 3
    assert await cli.run(["parked", "list"], {**environment, "PARTITIONS": "none"}) == 2
    with pytest.raises(SystemExit, match="2"):
        await cli.run(["parked", "redrive"], environment)


async def test_a_message_with_a_long_reason_and_a_type_in_any_script_is_parked(
    engine: AsyncEngine, read_model: ReadModelProjector
) -> None:
    odd = '{"type":"' + "🎟" * 64 + '","partition":123456789012345678901234567890,"position":"1-1"}'
    await read_model.project([], [Refused(odd.encode(), "ß" * 10_000)])
    async with engine.connect() as connection:
        (message,) = await parking.parked(connection)
    assert (message.message_type, message.partition_id, len(message.reason)) == ("🎟" * 64, None, 2_000)


async def read_model_of(engine: AsyncEngine, event_id: str, partition: int) -> list[Rows]:
    """The rows of an event, without its ids, to compare it with another event."""
    return [
        await rows(
            engine,
            "SELECT zone_id, generation, status, revision, price_cents FROM ticket WHERE event_id = :id"
            " ORDER BY zone_id, generation",
            id=event_id,
        ),
        await rows(
            engine,
            "SELECT zone_id, row_count, col_count, price_cents, sold_count, revenue_cents FROM zone_sales"
            " WHERE event_id = :id AND (row_count IS NOT NULL OR sold_count <> 0) ORDER BY zone_id",
            id=event_id,
        ),
        await rows(
            engine,
            "SELECT zone_id, seat_row, seat_column, status, held_until, sequence FROM held_seat"
            " WHERE event_id = :id ORDER BY zone_id, seat_row",
            id=event_id,
        ),
        await rows(engine, "SELECT name, epoch, sequence FROM event WHERE event_id = :id", id=event_id),
        await rows(engine, "SELECT name, epoch, sequence FROM venue WHERE venue_id = :id", id=f"venue-of-{event_id}"),
        await rows(engine, "SELECT epoch, sequence FROM projection_position WHERE partition_id = :id", id=partition),
    ]


async def write_model_of(client: "DynamoDBClient", tables: Tables, event_id: str) -> list[object]:
    """The items of an event, without its ids, to compare it with another event."""
    tickets = [item for item in await items(client, tables, "Tickets") if item["eventId"] == event_id]
    seats = [item for item in await items(client, tables, "Seats") if item["eventId#zoneId"].startswith(event_id)]
    catalogue = [item for item in await items(client, tables, "Catalog") if item["id"].endswith(event_id)]
    return [
        sorted((item["zoneId"], item["generation"], item["status"], item["position"]) for item in tickets),
        sorted((item["eventId#zoneId"][-1], item["generation"], "ticketId" in item) for item in seats),
        sorted((item["kind"], item["epoch"], item["sequence"]) for item in catalogue),
    ]
