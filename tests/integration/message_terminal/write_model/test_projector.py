"""The write model's projector on a real DynamoDB."""

import asyncio
from typing import TYPE_CHECKING

import pytest
from contracts.codec import AnyMessage
from contracts.ticket import TicketRejected
from message_terminal.parking import Refused
from message_terminal.stores import StoreUnavailable
from message_terminal.write_model.projector import WriteModelProjector
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.stage.messages import (
    HOLD,
    LATER,
    MOMENT,
    PARTITION,
    cancelled,
    event_scheduled,
    hold_expired,
    hold_released,
    many_purchased,
    payment_captured,
    payment_refunded,
    purchased,
    seats_held,
    venue_defined,
)
from tests.stage.projections import items, parked
from tests.stage.stores.isolation import Tables

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient

SEAT = {"eventId#zoneId": "Event2#1", "row#column": "1#a"}


async def test_a_sale_is_stored_with_all_its_fields(
    write_model: WriteModelProjector, client: "DynamoDBClient", dynamodb: Tables
) -> None:
    sale = purchased(row=10, column=28, generation=4)
    await write_model.project([sale])
    assert await items(client, dynamodb, "Tickets") == [
        {
            "ticketId": str(sale.data.ticket_id),
            "venueId": "Venue2",
            "eventId": "Event2",
            "zoneId": 1,
            "row": "10",
            "column": "ab",
            "status": "PAID",
            "createdOn": MOMENT,
            "priceCents": 2_500,
            "currency": "USD",
            "revision": 1,
            "generation": 4,
            "position": "1-2",
        }
    ]
    assert await items(client, dynamodb, "Seats") == [
        {
            "eventId#zoneId": "Event2#1",
            "row#column": "10#ab",
            "ticketId": str(sale.data.ticket_id),
            "generation": 4,
        }
    ]


async def test_a_cancellation_frees_the_seat_and_keeps_its_generation(
    write_model: WriteModelProjector, client: "DynamoDBClient", dynamodb: Tables
) -> None:
    sale = purchased(generation=4)
    await write_model.project([sale])
    await write_model.project([cancelled(sale)])
    (ticket,) = await items(client, dynamodb, "Tickets")
    assert (ticket["status"], ticket["revision"], ticket["cancelledOn"]) == ("CANCELLED", 2, LATER)
    assert await items(client, dynamodb, "Seats") == [{**SEAT, "generation": 4}]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1), (1, 0, 2)])
@pytest.mark.parametrize("together", [True, False])
async def test_cancellation_and_resale_have_the_same_result_in_any_order(
    write_model: WriteModelProjector,
    client: "DynamoDBClient",
    dynamodb: Tables,
    rejections: list[TicketRejected],
    order: tuple[int, ...],
    together: bool,
) -> None:
    first, second = purchased(), purchased(generation=2, position="1-4")
    history: list[AnyMessage] = [first, cancelled(first), second]
    arrived = [history[number] for number in order]
    for messages in [arrived] if together else [[message] for message in arrived]:
        await write_model.project(messages)
    tickets = {ticket["ticketId"]: ticket["status"] for ticket in await items(client, dynamodb, "Tickets")}
    assert tickets == {str(first.data.ticket_id): "CANCELLED", str(second.data.ticket_id): "PAID"}
    assert await items(client, dynamodb, "Seats") == [{**SEAT, "ticketId": str(second.data.ticket_id), "generation": 2}]
    assert rejections == []


async def test_repeating_a_batch_changes_nothing_and_rejects_nothing(
    write_model: WriteModelProjector, client: "DynamoDBClient", dynamodb: Tables, rejections: list[TicketRejected]
) -> None:
    sales = many_purchased(120)
    await write_model.project(sales)
    before = await items(client, dynamodb, "Seats")
    for messages in (sales, sales[60:], [*sales[:10], purchased(zone_id=9)]):
        await write_model.project(messages)
    assert len(await items(client, dynamodb, "Tickets")) == 121
    assert [seat for seat in await items(client, dynamodb, "Seats") if seat["eventId#zoneId"] != "Event2#9"] == before
    assert rejections == []


async def test_of_two_sales_of_one_seat_the_second_is_rejected_and_not_written(
    write_model: WriteModelProjector, client: "DynamoDBClient", dynamodb: Tables, rejections: list[TicketRejected]
) -> None:
    owner, intruder, other = purchased(), purchased(position="1-3"), purchased(row=2, position="1-4")
    await write_model.project([owner])
    await write_model.project([intruder, other])
    written = {ticket["ticketId"] for ticket in await items(client, dynamodb, "Tickets")}
    assert written == {str(owner.data.ticket_id), str(other.data.ticket_id)}
    (rejection,) = rejections
    assert (rejection.data.ticket_id, rejection.data.owner_ticket_id) == (
        intruder.data.ticket_id,
        owner.data.ticket_id,
    )
    assert (rejection.partition, rejection.generation, rejection.position) == (PARTITION, 1, None)


async def test_a_sale_of_a_seat_that_was_sold_and_cancelled_under_the_same_generation_is_rejected(
    write_model: WriteModelProjector, client: "DynamoDBClient", dynamodb: Tables, rejections: list[TicketRejected]
) -> None:
    owner, intruder = purchased(), purchased(position="1-4")
    await write_model.project([cancelled(owner)])
    await write_model.project([intruder])
    assert [ticket["ticketId"] for ticket in await items(client, dynamodb, "Tickets")] == [str(owner.data.ticket_id)]
    assert [(rejection.data.ticket_id, rejection.data.owner_ticket_id) for rejection in rejections] == [
        (intruder.data.ticket_id, None)
    ]


@pytest.mark.parametrize("owner_is_cancelled", [True, False])
async def test_the_cancellation_of_a_rejected_ticket_is_written_without_changing_the_seat(
    write_model: WriteModelProjector,
    client: "DynamoDBClient",
    dynamodb: Tables,
    rejections: list[TicketRejected],
    owner_is_cancelled: bool,
) -> None:
    owner, intruder = purchased(), purchased(position="1-4")
    await write_model.project([cancelled(owner) if owner_is_cancelled else owner])
    await write_model.project([intruder])
    seats = await items(client, dynamodb, "Seats")
    for _ in range(2):
        await write_model.project([cancelled(intruder, position="1-5")])
        await write_model.project([intruder])
    assert await items(client, dynamodb, "Seats") == seats
    tickets = {ticket["ticketId"]: ticket["status"] for ticket in await items(client, dynamodb, "Tickets")}
    assert tickets == {
        str(owner.data.ticket_id): "CANCELLED" if owner_is_cancelled else "PAID",
        str(intruder.data.ticket_id): "CANCELLED",
    }
    assert [rejection.data.ticket_id for rejection in rejections] == [intruder.data.ticket_id]


async def test_holds_and_payments_add_no_item(
    write_model: WriteModelProjector, client: "DynamoDBClient", dynamodb: Tables
) -> None:
    held = seats_held()
    await write_model.project(
        [held, hold_released(held), hold_expired(held), payment_captured(), payment_refunded(), purchased(hold=HOLD)]
    )
    (ticket,) = await items(client, dynamodb, "Tickets")
    assert "hold" not in ticket
    assert len(await items(client, dynamodb, "Seats")) == 1
    assert await items(client, dynamodb, "Catalog") == []


async def test_a_batch_is_retried_when_its_rejection_cannot_be_published(
    write_model: WriteModelProjector,
    client: "DynamoDBClient",
    dynamodb: Tables,
    rejections: list[TicketRejected],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail(_: TicketRejected) -> None:
        raise StoreUnavailable("RabbitMQ: gone")

    await write_model.project([purchased()])
    batch = [purchased(position="1-3"), purchased(row=2)]
    with monkeypatch.context() as patch:
        patch.setattr(write_model, "_reject", fail)
        with pytest.raises(StoreUnavailable):
            await write_model.project(batch)
    await write_model.project(batch)
    assert len(rejections) == 1
    assert len(await items(client, dynamodb, "Tickets")) == 2


async def test_concurrent_projectors_write_each_sale_once(
    write_model: WriteModelProjector, client: "DynamoDBClient", dynamodb: Tables, rejections: list[TicketRejected]
) -> None:
    sales = many_purchased(200)
    ends = [cancelled(sale) for sale in sales[:40]]
    again = [purchased(column=number + 1, generation=2) for number in range(26)]
    history: list[AnyMessage] = [*sales, *ends, *again]
    await asyncio.gather(
        *(write_model.project(part) for part in (history, history[::-1], history[100:], history[:150]))
    )
    tickets = await items(client, dynamodb, "Tickets")
    seats = await items(client, dynamodb, "Seats")
    assert sum(ticket["status"] == "PAID" for ticket in tickets) == 186
    assert len(tickets) == 226
    assert sum("ticketId" in seat for seat in seats) == 186
    assert len(seats) == 200
    assert rejections == []


async def test_the_catalogue_has_the_newest_message_of_each_venue_and_event(
    write_model: WriteModelProjector, client: "DynamoDBClient", dynamodb: Tables
) -> None:
    await write_model.project([venue_defined(position="1-9"), event_scheduled(name="new", position="2-0")])
    await write_model.project([venue_defined(name="old", position="1-8"), event_scheduled(position="1-99")])
    event, venue = sorted(await items(client, dynamodb, "Catalog"), key=lambda item: str(item["kind"]))
    assert (event["kind"], event["id"], event["type"]) == ("event", "Event2", "event.scheduled.v1")
    assert (event["partition"], event["epoch"], event["sequence"]) == (PARTITION, 2, 0)
    assert '"name":"new"' in event["data"]
    assert (venue["kind"], venue["id"], venue["sequence"]) == ("venue", "Venue2", 9)
    assert '"zones":[{"zoneId":1,' in venue["data"]


async def test_a_refused_message_is_parked(write_model: WriteModelProjector, engine: AsyncEngine) -> None:
    await write_model.project([purchased()], [Refused(b"?", "no batch")])
    (row,) = await parked(engine)
    assert (row["model"], row["body"], row["reason"], row["partition_id"]) == ("write", b"?", "no batch", None)
