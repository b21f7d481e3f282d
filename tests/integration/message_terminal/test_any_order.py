"""Any order and repetition of messages ends in the same rows, in both models."""

from typing import TYPE_CHECKING

from contracts.ticket import TicketPurchased, TicketRejected
from hypothesis import HealthCheck, given, settings, strategies as st
from message_terminal.read_model.projector import ReadModelProjector
from message_terminal.write_model.projector import WriteModelProjector
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.stage.models.histories import History, Told, arrivals, chosen, histories, tell
from tests.stage.projections import items, rows
from tests.stage.stores.isolation import Tables

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient

bounded = settings(
    max_examples=150,
    deadline=None,
    # Each example has an event and a venue of its own, so that it does not matter what others left behind.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@bounded
@given(history=histories, data=st.data())
async def test_the_read_model_ends_alike(
    read_model: ReadModelProjector, engine: AsyncEngine, history: History, data: st.DataObject
) -> None:
    told = tell(history)
    for numbers in data.draw(arrivals(len(told.messages))):
        await read_model.project(chosen(told, numbers))
    assert await stored_tickets(engine, told) == expected_tickets(told)
    assert await stored_zones(engine, told) == expected_zones(told, history)
    assert await stored_holds(engine, told) == told.holds
    names = await rows(engine, "SELECT name FROM event WHERE event_id = :id", id=told.event_id)
    assert [row["name"] for row in names] == [f"1-{len(history.venue_names) + len(history.versions) - 1}"][
        : len(history.versions)
    ]
    venues = await rows(engine, "SELECT name FROM venue WHERE venue_id = :id", id=told.venue_id)
    assert [row["name"] for row in venues] == history.venue_names[-1:]


@bounded
@given(history=histories, data=st.data())
async def test_the_write_model_ends_alike(
    write_model: WriteModelProjector,
    client: "DynamoDBClient",
    dynamodb: Tables,
    rejections: list[TicketRejected],
    history: History,
    data: st.DataObject,
) -> None:
    told = tell(history)
    for numbers in data.draw(arrivals(len(told.messages))):
        await write_model.project(chosen(told, numbers))
    tickets = [item for item in await items(client, dynamodb, "Tickets") if item["eventId"] == told.event_id]
    assert {ticket["ticketId"]: ticket["status"] for ticket in tickets} == expected_tickets(told)
    seats = {
        (item["eventId#zoneId"], item["row#column"]): (item["generation"], item.get("ticketId"))
        for item in await items(client, dynamodb, "Seats")
        if item["eventId#zoneId"].startswith(told.event_id)
    }
    assert seats == expected_seats(told)
    assert rejections == []
    catalogue = {item["id"]: item["sequence"] for item in await items(client, dynamodb, "Catalog")}
    last_venue, last_event = len(history.venue_names) - 1, len(history.venue_names) + len(history.versions) - 1
    assert catalogue.get(told.venue_id) == (last_venue if history.venue_names else None)
    assert catalogue.get(told.event_id) == (last_event if history.versions else None)


async def stored_tickets(engine: AsyncEngine, told: Told) -> dict[str, str]:
    """Status of each ticket in MySQL."""
    found = await rows(engine, "SELECT ticket_id, status FROM ticket WHERE event_id = :id", id=told.event_id)
    return {row["ticket_id"]: row["status"] for row in found}


def expected_tickets(told: Told) -> dict[str, str]:
    """Status of each ticket that was ever sold."""
    owned = {sale.data.ticket_id for sale in told.owners.values()}
    sales = [message.data.ticket_id for message in told.messages if isinstance(message, TicketPurchased)]
    return {str(ticket_id): "PAID" if ticket_id in owned else "CANCELLED" for ticket_id in sales}


async def stored_zones(engine: AsyncEngine, told: Told) -> dict[int, tuple[int | None, int, int]]:
    """Price, sold count and revenue of each zone; one with neither price nor sales says as much as no row."""
    found = await rows(engine, "SELECT * FROM zone_sales WHERE event_id = :id", id=told.event_id)
    figures = {row["zone_id"]: (row["price_cents"], row["sold_count"], row["revenue_cents"]) for row in found}
    return {zone_id: figure for zone_id, figure in figures.items() if figure != (None, 0, 0)}


async def stored_holds(engine: AsyncEngine, told: Told) -> dict[str, tuple[str, int]]:
    """What became of each hold, and the sequence of the message that says so."""
    found = await rows(engine, "SELECT * FROM held_seat WHERE event_id = :id", id=told.event_id)
    return {row["hold_reference"]: (row["status"], row["sequence"]) for row in found}


def expected_zones(told: Told, history: History) -> dict[int, tuple[int | None, int, int]]:
    """The newest version's zones and whichever else have tickets."""
    prices = history.versions[-1] if history.versions else {}
    sold: dict[int, list[int]] = {}
    for (zone_id, _), sale in told.owners.items():
        sold.setdefault(zone_id, []).append(sale.data.price_cents)
    return {
        zone_id: (prices.get(zone_id), len(sold.get(zone_id, [])), sum(sold.get(zone_id, [])))
        for zone_id in prices.keys() | sold.keys()
    }


def expected_seats(told: Told) -> dict[tuple[str, str], tuple[int, str | None]]:
    """Generation and owner of each seat that was ever sold."""
    expected: dict[tuple[str, str], tuple[int, str | None]] = {}
    for (zone_id, row), sale in told.owners.items():
        expected[f"{told.event_id}#{zone_id}", f"{row}#a"] = (sale.generation or 0, str(sale.data.ticket_id))
    for (zone_id, row), generation in told.free.items():
        expected[f"{told.event_id}#{zone_id}", f"{row}#a"] = (generation, None)
    return expected
