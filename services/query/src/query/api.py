"""The queries over HTTP: handlers translate, they do not decide."""

from collections import Counter
from functools import cache
from typing import Annotated, Any, Literal

from litestar import Request, Response, Router, get
from litestar.di import NamedDependency, Provide
from litestar.handlers import BaseRouteHandler
from litestar.params import PathParameter, QueryParameter
from litestar.types import ASGIApp, Receive, Scope, Send

from query import examples
from query.answers import (
    IDENTIFIER_SHAPE,
    Event,
    EventCount,
    EventPage,
    Revenue,
    SeatMap,
    Ticket,
    TicketPage,
    Venue,
    VenuePage,
    encode,
)
from query.freshness import HEADER, Freshness
from query.openapi import Query, declare
from query.parameters import IDENTIFIER, LIMIT_DEFAULT, LIMIT_MAX, TICKET_ID, InvalidRequest
from query.reads import EventNotFound, Reads, TicketNotFound, VenueNotFound, ZoneNotFound

_RAW_HEADER = HEADER.lower().encode()

TicketId = Annotated[str, PathParameter(name="ticketId", pattern=TICKET_ID, description="A UUID.")]
EventId = Annotated[str, PathParameter(name="eventId", pattern=IDENTIFIER, description=IDENTIFIER_SHAPE)]
VenueId = Annotated[str, PathParameter(name="venueId", pattern=IDENTIFIER, description=IDENTIFIER_SHAPE)]
OfEvent = Annotated[str, QueryParameter(name="eventId", pattern=IDENTIFIER, description="The event.")]
InZone = Annotated[int | None, QueryParameter(name="zoneId", ge=1, le=2**31 - 1, description="Only this zone.")]
OfStatus = Annotated[Literal["PAID", "CANCELLED"] | None, QueryParameter(description="Only tickets with this status.")]
Cursor = Annotated[str | None, QueryParameter(description="`nextCursor` of the previous page; omit it for the first.")]
Limit = Annotated[int, QueryParameter(ge=1, le=LIMIT_MAX, description="The page size.")]


@get(
    "/tickets/{ticketId:str}",
    tags=["Tickets"],
    operation_id="readTicket",
    summary="Get a ticket",
    operation_class=Query,
    responses=declare(examples.TICKET, InvalidRequest, TicketNotFound),
)
async def read_ticket(ticket_id: TicketId, reads: NamedDependency[Reads]) -> Ticket:
    """Return the ticket as it was sold, and its status now."""
    return await reads.ticket(ticket_id)


@get(
    "/tickets",
    tags=["Tickets"],
    operation_id="listTickets",
    summary="List the tickets of an event",
    operation_class=Query,
    responses=declare(examples.TICKET_PAGE, InvalidRequest, EventNotFound),
)
async def list_tickets(
    reads: NamedDependency[Reads],
    event_id: OfEvent,
    zone_id: InZone = None,
    status: OfStatus = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> TicketPage:
    """Return one page of the tickets by ticket id, and so by time of sale."""
    return await reads.tickets(event_id, zone_id=zone_id, status=status, cursor=cursor, limit=limit)


@get(
    "/tickets/count/{eventId:str}",
    tags=["Tickets"],
    operation_id="countTickets",
    summary="Count the sold tickets of an event",
    operation_class=Query,
    responses=declare(examples.EVENT_COUNT, InvalidRequest, EventNotFound),
)
async def count_tickets(event_id: EventId, reads: NamedDependency[Reads]) -> EventCount:
    """Count the sold tickets of each zone; cancelled ones do not count."""
    return await reads.count(event_id)


@get(
    "/tickets/money/{venueId:str}/{eventId:str}",
    tags=["Tickets"],
    operation_id="readMoney",
    summary="Get the revenue of an event (older address)",
    operation_class=Query,
    responses=declare(examples.REVENUE, InvalidRequest, EventNotFound),
)
async def read_money(venue_id: VenueId, event_id: EventId, reads: NamedDependency[Reads]) -> Revenue:
    """Return the same as `/api/v1/tickets/revenue/{venueId}/{eventId}`."""
    return await reads.revenue(venue_id, event_id)


@get(
    "/tickets/revenue/{venueId:str}/{eventId:str}",
    tags=["Tickets"],
    operation_id="readRevenue",
    summary="Get the revenue of an event",
    operation_class=Query,
    responses=declare(examples.REVENUE, InvalidRequest, EventNotFound),
)
async def read_revenue(venue_id: VenueId, event_id: EventId, reads: NamedDependency[Reads]) -> Revenue:
    """Sum the prices of all sold tickets of the event; cancelled ones do not count."""
    return await reads.revenue(venue_id, event_id)


@get(
    "/venues",
    tags=["Catalogue"],
    operation_id="listVenues",
    summary="List venues",
    operation_class=Query,
    responses=declare(examples.VENUE_PAGE, InvalidRequest),
)
async def list_venues(reads: NamedDependency[Reads], cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT) -> VenuePage:
    """Return one page of the venues by venue id."""
    return await reads.venues(cursor=cursor, limit=limit)


@get(
    "/venues/{venueId:str}",
    tags=["Catalogue"],
    operation_id="readVenue",
    summary="Get a venue",
    operation_class=Query,
    responses=declare(examples.VENUE, InvalidRequest, VenueNotFound),
)
async def read_venue(venue_id: VenueId, reads: NamedDependency[Reads]) -> Venue:
    """Return the venue with the zones that its new events get."""
    return await reads.venue(venue_id)


@get(
    "/events",
    tags=["Catalogue"],
    operation_id="listEvents",
    summary="List events",
    operation_class=Query,
    responses=declare(examples.EVENT_PAGE, InvalidRequest),
)
async def list_events(reads: NamedDependency[Reads], cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT) -> EventPage:
    """Return one page of the events by event id."""
    return await reads.events(cursor=cursor, limit=limit)


@get(
    "/events/{eventId:str}",
    tags=["Catalogue"],
    operation_id="readEvent",
    summary="Get an event",
    operation_class=Query,
    responses=declare(examples.EVENT, InvalidRequest, EventNotFound),
)
async def read_event(event_id: EventId, reads: NamedDependency[Reads]) -> Event:
    """Return the event with its zones and the price of a seat in each."""
    return await reads.event(event_id)


@get(
    "/events/{eventId:str}/seats",
    tags=["Catalogue"],
    operation_id="readSeatMap",
    summary="Get the seat map of an event",
    operation_class=Query,
    responses=declare(examples.SEAT_MAP, InvalidRequest, EventNotFound, ZoneNotFound),
)
async def read_seat_map(event_id: EventId, reads: NamedDependency[Reads], zone_id: InZone = None) -> SeatMap:
    """Return which seats are free, held or sold; a seat is free once its hold has expired."""
    return await reads.seat_map(event_id, zone_id=zone_id)


class Answer(Response[Any]):
    """A JSON response without cookies, extra headers and background tasks, which no query uses."""

    def __init__(self, content: Any, **_: Any) -> None:
        self.content = content

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIApp:  # type: ignore[override]
        body = encode(self.content)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]

        async def send_answer(_scope: Scope, _receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body, "more_body": False})

        return send_answer


def queries(reads: Reads, freshness: Freshness) -> Router:
    """Return the router of all queries; each first waits for its Consistency-Token."""

    async def admit(request: Request[Any, Any, Any]) -> None:
        refuse_unknown_parameters(request)
        if tokens := [value for name, value in request.scope["headers"] if name == _RAW_HEADER]:
            await freshness.reach(b",".join(tokens).decode("latin-1"))

    return Router(
        "/api/v1",
        route_handlers=[
            read_ticket,
            list_tickets,
            count_tickets,
            read_money,
            read_revenue,
            list_venues,
            read_venue,
            list_events,
            read_event,
            read_seat_map,
        ],
        dependencies={"reads": Provide(lambda: reads, sync_to_thread=False, use_cache=True)},
        before_request=admit,
        response_class=Answer,
    )


def refuse_unknown_parameters(request: Request[Any, Any, Any]) -> None:
    """Raise InvalidRequest for a query parameter that is unknown to the handler or given twice."""
    if not request.scope["query_string"]:
        return
    known = known_parameters(request.route_handler)
    for name, times in Counter(name for name, _ in request.query_params.multi_items()).items():
        if name not in known:
            raise InvalidRequest(name, f"The parameter {name} is unknown.")
        if times > 1:
            raise InvalidRequest(name, f"The parameter {name} is given more than once.")


@cache
def known_parameters(handler: BaseRouteHandler) -> frozenset[str]:
    """Return the names of the handler's query parameters as they stand in the URL."""
    return frozenset(
        field.kwarg_definition.name or name
        for name, field in handler.parsed_fn_signature.parameters.items()
        if isinstance(field.kwarg_definition, QueryParameter)
    )
