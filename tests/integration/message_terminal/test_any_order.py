"""Properties: any order and repetition of messages has the same result, in both models."""

from typing import TYPE_CHECKING

from contracts.ticket import TicketPurchased, TicketRejected
from hypothesis import HealthCheck, given, strategies as st
from message_terminal.read_model.projector import ReadModelProjector
from message_terminal.write_model.projector import WriteModelProjector
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.message_terminal.histories import History, Scenario, arrivals, chosen, histories, scenario_of
from tests.stage.explorations import exploration
from tests.stage.projections import items, rows
from tests.stage.stores.isolation import Tables

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient

bounded = exploration(
    150,
    # Each example has its own event and venue, so that it does not depend on earlier examples.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@bounded
@given(history=histories, data=st.data())
async def test_the_read_model_does_not_depend_on_order_and_repetition(
    read_model: ReadModelProjector, engine: AsyncEngine, history: History, data: st.DataObject
) -> None:
    scenario = scenario_of(history)
    for numbers in data.draw(arrivals(len(scenario.messages))):
        await read_model.project(chosen(scenario, numbers))
    assert await stored_tickets(engine, scenario) == expected_tickets(scenario)
    assert await stored_zones(engine, scenario) == expected_zones(scenario, history)
    assert await stored_holds(engine, scenario) == scenario.holds
    names = await rows(engine, "SELECT name FROM event WHERE event_id = :id", id=scenario.event_id)
    assert [row["name"] for row in names] == [f"1-{len(history.venue_names) + len(history.versions) - 1}"][
        : len(history.versions)
    ]
    venues = await rows(engine, "SELECT name FROM venue WHERE venue_id = :id", id=scenario.venue_id)
    assert [row["name"] for row in venues] == history.venue_names[-1:]


@bounded
@given(history=histories, data=st.data())
async def test_the_write_model_does_not_depend_on_order_and_repetition(
    write_model: WriteModelProjector,
    client: "DynamoDBClient",
    dynamodb: Tables,
    rejections: list[TicketRejected],
    history: History,
    data: st.DataObject,
) -> None:
    scenario = scenario_of(history)
    for numbers in data.draw(arrivals(len(scenario.messages))):
        await write_model.project(chosen(scenario, numbers))
    tickets = [item for item in await items(client, dynamodb, "Tickets") if item["eventId"] == scenario.event_id]
    assert {ticket["ticketId"]: ticket["status"] for ticket in tickets} == expected_tickets(scenario)
    seats = {
        (item["eventId#zoneId"], item["row#column"]): (item["generation"], item.get("ticketId"))
        for item in await items(client, dynamodb, "Seats")
        if item["eventId#zoneId"].startswith(scenario.event_id)
    }
    assert seats == expected_seats(scenario)
    assert rejections == []
    catalogue = {item["id"]: item["sequence"] for item in await items(client, dynamodb, "Catalog")}
    last_venue, last_event = len(history.venue_names) - 1, len(history.venue_names) + len(history.versions) - 1
    assert catalogue.get(scenario.venue_id) == (last_venue if history.venue_names else None)
    assert catalogue.get(scenario.event_id) == (last_event if history.versions else None)


async def stored_tickets(engine: AsyncEngine, scenario: Scenario) -> dict[str, str]:
    """Return the status of each ticket in MySQL."""
    stored = await rows(engine, "SELECT ticket_id, status FROM ticket WHERE event_id = :id", id=scenario.event_id)
    return {row["ticket_id"]: row["status"] for row in stored}


def expected_tickets(scenario: Scenario) -> dict[str, str]:
    """Return the status of each ticket that was ever sold."""
    owned = {sale.data.ticket_id for sale in scenario.owners.values()}
    sales = [message.data.ticket_id for message in scenario.messages if isinstance(message, TicketPurchased)]
    return {str(ticket_id): "PAID" if ticket_id in owned else "CANCELLED" for ticket_id in sales}


async def stored_zones(engine: AsyncEngine, scenario: Scenario) -> dict[int, tuple[int | None, int, int]]:
    """Return the price, sold count and revenue of each zone that has a price or sales."""
    stored = await rows(engine, "SELECT * FROM zone_sales WHERE event_id = :id", id=scenario.event_id)
    figures = {row["zone_id"]: (row["price_cents"], row["sold_count"], row["revenue_cents"]) for row in stored}
    return {zone_id: figure for zone_id, figure in figures.items() if figure != (None, 0, 0)}


async def stored_holds(engine: AsyncEngine, scenario: Scenario) -> dict[str, tuple[str, int]]:
    """The status of each hold, and the sequence of the message that decided it."""
    stored = await rows(engine, "SELECT * FROM held_seat WHERE event_id = :id", id=scenario.event_id)
    return {row["hold_reference"]: (row["status"], row["sequence"]) for row in stored}


def expected_zones(scenario: Scenario, history: History) -> dict[int, tuple[int | None, int, int]]:
    """The newest version's zones, and others that have tickets."""
    prices = history.versions[-1] if history.versions else {}
    sold: dict[int, list[int]] = {}
    for (zone_id, _), sale in scenario.owners.items():
        sold.setdefault(zone_id, []).append(sale.data.price_cents)
    return {
        zone_id: (prices.get(zone_id), len(sold.get(zone_id, [])), sum(sold.get(zone_id, [])))
        for zone_id in prices.keys() | sold.keys()
    }


def expected_seats(scenario: Scenario) -> dict[tuple[str, str], tuple[int, str | None]]:
    """Return the generation and owner of each seat that was ever sold."""
    expected: dict[tuple[str, str], tuple[int, str | None]] = {}
    for (zone_id, row), sale in scenario.owners.items():
        expected[f"{scenario.event_id}#{zone_id}", f"{row}#a"] = (sale.generation or 0, str(sale.data.ticket_id))
    for (zone_id, row), generation in scenario.free.items():
        expected[f"{scenario.event_id}#{zone_id}", f"{row}#a"] = (generation, None)
    return expected
