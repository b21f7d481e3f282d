"""The commands over HTTP: handlers translate, they do not decide."""

from collections.abc import Mapping
from datetime import date, datetime

import msgspec
from contracts.position import Position
from litestar import delete, post, put
from litestar.response.base import ASGIResponse
from msgspec import Struct

from purchase.box_office import PurchaseTicket
from purchase.catalog import Event, Venue
from purchase.definitions import Written
from purchase.problems import answer
from purchase.refusals import Forbidden, Refusal
from purchase.requests import (
    DefineVenue,
    ScheduleEvent,
    read_bearer,
    read_body,
    read_identifier,
    read_key,
    read_ticket_id,
)
from purchase.services import Caller, services_of
from purchase.tickets import Ticket


class TicketAnswer(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A ticket as its buyer sees it; `receipt` comes with a purchase only and lets its holder undo it."""

    ticket_id: str
    venue_id: str
    event_id: str
    zone_id: int
    row: str
    column: str
    status: str
    price: float
    currency: str
    created_on: str
    receipt: str | None = None


class ZoneAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    zone_id: int
    ticket_price: float
    row_count: int
    col_count: int


class VenueAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """A venue as it is defined now."""

    venue_id: str
    name: str | None
    city: str | None
    currency: str
    zones: list[ZoneAnswer]


class EventAnswer(Struct, frozen=True, kw_only=True, rename="camel"):
    """An event as it is on sale now."""

    event_id: str
    venue_id: str
    name: str
    type: str
    date: date
    sales_open_at: datetime | None
    sales_close_at: datetime | None
    max_seats_per_customer: int | None


@post("/api/v1/tickets", operation_id="purchaseTicket", summary="Buy one seat at once")
async def purchase_ticket(request: Caller) -> ASGIResponse:
    """Sell one seat without a payment step."""
    services = services_of(request)
    wanted = await read_body(request, _purchase_decoder)
    bought = await services.box_office.purchase(wanted, await read_key(request, "POST /api/v1/tickets"))
    if isinstance(bought, Refusal):
        return answer(bought, "/api/v1/tickets")
    ticket = bought.ticket
    headers = {
        "Location": f"/api/v1/tickets/{ticket.ticket_id}",
        "Consistency-Token": consistency_token({ticket.partition: bought.position}),
    }
    if bought.is_replayed:
        headers["Idempotent-Replayed"] = "true"
    told = ticket_answer(ticket, "PAID", services.receipts.sign(ticket.ticket_id))
    return ASGIResponse(body=msgspec.json.encode(told), status_code=201, headers=headers)


@delete("/api/v1/tickets/{ticket_id:str}", status_code=200, operation_id="cancelTicket", summary="Undo a purchase")
async def cancel_ticket(request: Caller, ticket_id: str) -> ASGIResponse:
    """Free the seat again, for whoever holds the receipt or an admin token; the same again when repeated."""
    services = services_of(request)
    wanted = read_ticket_id(ticket_id)
    receipt = request.headers.get("receipt")
    if receipt is None:
        services.admins.admit(read_bearer(request))
    elif not services.receipts.verify(receipt, wanted):
        raise Forbidden("the receipt is not this ticket's")
    ticket, position = await services.box_office.cancel(wanted)
    token = consistency_token({ticket.partition: position})
    told = ticket_answer(ticket, "CANCELLED", receipt=None)
    return ASGIResponse(body=msgspec.json.encode(told), headers={"Consistency-Token": token})


@put("/api/v1/venues/{venue_id:str}", operation_id="defineVenue", summary="Define a venue and update its events")
async def define_venue(request: Caller, venue_id: str) -> ASGIResponse:
    """All of the venue's events follow, or none: a change that would remove a sold or held seat changes nothing."""
    services = services_of(request)
    services.admins.admit(read_bearer(request))
    named = read_identifier(venue_id, "venueId")
    venue = (await read_body(request, _venue_decoder)).venue(named)
    return _defined(venue_answer(venue), await services.definitions.define_venue(venue))


@put("/api/v1/events/{event_id:str}", operation_id="scheduleEvent", summary="Define an event and put it on sale")
async def schedule_event(request: Caller, event_id: str) -> ASGIResponse:
    """Sold at once, or from `salesOpenAt` on."""
    services = services_of(request)
    services.admins.admit(read_bearer(request))
    named = read_identifier(event_id, "eventId")
    event = (await read_body(request, _event_decoder)).event(named)
    return _defined(event_answer(event), await services.definitions.schedule(event))


def consistency_token(positions: Mapping[int, Position]) -> str:
    """`<partition>:<epoch>-<sequence>`, several separated by commas: what a query sends back to read this write."""
    return ",".join(f"{partition}:{position}" for partition, position in positions.items())


def ticket_answer(ticket: Ticket, status: str, receipt: str | None) -> TicketAnswer:
    return TicketAnswer(
        ticket_id=str(ticket.ticket_id),
        venue_id=ticket.venue_id,
        event_id=ticket.event_id,
        zone_id=ticket.zone_id,
        row=ticket.row_label,
        column=ticket.column_label,
        status=status,
        price=_amount(ticket.price_cents),
        currency=ticket.currency,
        created_on=ticket.created_on,
        receipt=receipt,
    )


def venue_answer(venue: Venue) -> VenueAnswer:
    zones = [
        ZoneAnswer(
            zone_id=zone.zone_id,
            ticket_price=_amount(zone.price_cents),
            row_count=zone.row_count,
            col_count=zone.col_count,
        )
        for zone in venue.zones
    ]
    return VenueAnswer(venue_id=venue.venue_id, name=venue.name, city=venue.city, currency=venue.currency, zones=zones)


def event_answer(event: Event) -> EventAnswer:
    return EventAnswer(
        event_id=event.event_id,
        venue_id=event.venue_id,
        name=event.name,
        type=event.type,
        date=event.date,
        sales_open_at=event.sales_open_at,
        sales_close_at=event.sales_close_at,
        max_seats_per_customer=event.max_seats_per_customer,
    )


def _defined(told: VenueAnswer | EventAnswer, written: Written) -> ASGIResponse:
    return ASGIResponse(
        body=msgspec.json.encode(told),
        status_code=201 if written.is_new else 200,
        headers={"Consistency-Token": consistency_token(written.positions)},
    )


def _amount(cents: int) -> float:
    """Minor units as a JSON number: the nearest float of a two-decimal amount prints as just that amount."""
    return cents / 100


_purchase_decoder = msgspec.json.Decoder(PurchaseTicket)
_venue_decoder = msgspec.json.Decoder(DefineVenue)
_event_decoder = msgspec.json.Decoder(ScheduleEvent)

handlers = [purchase_ticket, cancel_ticket, define_venue, schedule_event]
