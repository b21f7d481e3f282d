"""The commands over HTTP: handlers translate, they do not decide."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import delete, post, put
from litestar.params import PathParameter
from litestar.response.base import ASGIResponse

from purchase import examples, refusals
from purchase.answers import EventAnswer, VenueAnswer, consistency_token, event_answer, ticket_answer, venue_answer
from purchase.box_office import PurchaseTicket
from purchase.definitions import Written
from purchase.documentation import IDEMPOTENCY_KEY, RECEIPT, declare, takes
from purchase.problems import InvalidIdempotencyKey, answer
from purchase.refusals import Forbidden, Refusal
from purchase.requests import (
    IDENTIFIER,
    IDENTIFIER_SHAPE,
    DefineVenue,
    ScheduleEvent,
    read_bearer,
    read_body,
    read_identifier,
    read_key,
    read_ticket_id,
    read_trace,
)
from purchase.services import Caller, services_of

TicketId = Annotated[str, PathParameter(name="ticketId", description="A UUID.", schema_extra={"format": "uuid"})]
VenueId = Annotated[
    str, PathParameter(name="venueId", description=IDENTIFIER_SHAPE, schema_extra={"pattern": IDENTIFIER})
]
EventId = Annotated[
    str, PathParameter(name="eventId", description=IDENTIFIER_SHAPE, schema_extra={"pattern": IDENTIFIER})
]


@post(
    "/api/v1/tickets",
    tags=["Tickets"],
    operation_id="purchaseTicket",
    summary="Buy one seat at once",
    operation_class=takes(PurchaseTicket, examples.PURCHASE_TICKET, [IDEMPOTENCY_KEY]),
    responses=declare(
        {201: examples.TICKET},
        InvalidIdempotencyKey,
        refusals.InvalidSeatLabel,
        refusals.EventNotFound,
        refusals.VenueMismatch,
        refusals.ZoneNotFound,
        refusals.SeatOutOfRange,
        refusals.DirectSalesOff,
        refusals.SalesNotOpen,
        refusals.SalesClosed,
        refusals.CustomerLimit,
        refusals.SeatTaken,
        refusals.ZoneFull,
        refusals.EventFull,
        refusals.KeyReused,
    ),
)
async def purchase_ticket(request: Caller) -> ASGIResponse:
    """Sell one seat without a payment step."""
    services = services_of(request)
    wanted = await read_body(request, _purchase_decoder)
    bought = await services.box_office.purchase(
        wanted, await read_key(request, "POST /api/v1/tickets"), read_trace(request)
    )
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


@delete(
    "/api/v1/tickets/{ticketId:str}",
    status_code=200,
    tags=["Tickets"],
    operation_id="cancelTicket",
    summary="Undo a purchase",
    operation_class=takes(None, headers=[RECEIPT]),
    security=[{}, {"admin": []}],
    responses=declare(
        {200: examples.CANCELLED_TICKET},
        refusals.TicketNotFound,
        refusals.Unauthorized,
        refusals.Forbidden,
        with_body=False,
    ),
)
async def cancel_ticket(request: Caller, ticket_id: TicketId) -> ASGIResponse:
    """Free the seat again, for whoever holds the receipt or an admin token; the same again when repeated."""
    services = services_of(request)
    wanted = read_ticket_id(ticket_id)
    _admit_to_cancel(request, wanted)
    ticket, position = await services.box_office.cancel(wanted, read_trace(request))
    token = consistency_token({ticket.partition: position})
    told = ticket_answer(ticket, "CANCELLED", receipt=None)
    return ASGIResponse(body=msgspec.json.encode(told), headers={"Consistency-Token": token})


@put(
    "/api/v1/venues/{venueId:str}",
    tags=["Catalogue"],
    operation_id="defineVenue",
    summary="Define a venue and update its events",
    operation_class=takes(DefineVenue, examples.DEFINE_VENUE),
    security=[{"admin": []}],
    responses=declare(
        {200: examples.VENUE, 201: examples.VENUE}, refusals.Unauthorized, refusals.Forbidden, refusals.SeatsInUse
    ),
)
async def define_venue(request: Caller, venue_id: VenueId) -> ASGIResponse:
    """All of the venue's events follow, or none: a change that would remove a sold or held seat changes nothing."""
    services = services_of(request)
    services.admins.admit(read_bearer(request))
    named = read_identifier(venue_id, "venueId")
    venue = (await read_body(request, _venue_decoder)).venue(named)
    return _defined(venue_answer(venue), await services.definitions.define_venue(venue))


@put(
    "/api/v1/events/{eventId:str}",
    tags=["Catalogue"],
    operation_id="scheduleEvent",
    summary="Define an event and put it on sale",
    operation_class=takes(ScheduleEvent, examples.SCHEDULE_EVENT),
    security=[{"admin": []}],
    responses=declare(
        {200: examples.EVENT, 201: examples.EVENT},
        refusals.Unauthorized,
        refusals.Forbidden,
        refusals.VenueNotFound,
        refusals.VenueMismatch,
    ),
)
async def schedule_event(request: Caller, event_id: EventId) -> ASGIResponse:
    """Sold at once, or from `salesOpenAt` on."""
    services = services_of(request)
    services.admins.admit(read_bearer(request))
    named = read_identifier(event_id, "eventId")
    event = (await read_body(request, _event_decoder)).event(named)
    return _defined(event_answer(event), await services.definitions.schedule(event))


def _admit_to_cancel(request: Caller, ticket_id: UUID) -> None:
    """The receipt or an admin token: either will do, whatever the other is. Raises Unauthorized, Forbidden."""
    services, receipt, token = services_of(request), request.headers.get("receipt"), read_bearer(request)
    if receipt is not None and services.receipts.verify(receipt, ticket_id):
        return
    if receipt is not None and token is None:
        raise Forbidden("the receipt is not this ticket's")
    services.admins.admit(token)


def _defined(told: VenueAnswer | EventAnswer, written: Written) -> ASGIResponse:
    return ASGIResponse(
        body=msgspec.json.encode(told),
        status_code=201 if written.is_new else 200,
        headers={"Consistency-Token": consistency_token(written.positions)},
    )


_purchase_decoder = msgspec.json.Decoder(PurchaseTicket)
_venue_decoder = msgspec.json.Decoder(DefineVenue)
_event_decoder = msgspec.json.Decoder(ScheduleEvent)

handlers = [purchase_ticket, cancel_ticket, define_venue, schedule_event]
