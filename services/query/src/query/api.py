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
from query.documentation import Query, declare
from query.freshness import HEADER, Freshness
from query.parameters import IDENTIFIER, LIMIT_DEFAULT, LIMIT_MAX, TICKET_ID, InvalidRequest
from query.reads import EventNotFound, Reads, TicketNotFound, VenueNotFound, ZoneNotFound

_RAW_HEADER = HEADER.lower().encode()

TicketId = Annotated[str, PathParameter(name="ticketId", pattern=TICKET_ID, description="A UUID.")]
EventId = Annotated[str, PathParameter(name="eventId", pattern=IDENTIFIER)]
VenueId = Annotated[str, PathParameter(name="venueId", pattern=IDENTIFIER)]
OfEvent = Annotated[str, QueryParameter(name="eventId", pattern=IDENTIFIER, description="Of this event.")]
InZone = Annotated[int | None, QueryParameter(name="zoneId", ge=1, le=2**31 - 1, description="Of this zone only.")]
OfStatus = Annotated[Literal["PAID", "CANCELLED"] | None, QueryParameter(description="Of this status only.")]
Cursor = Annotated[str | None, QueryParameter(description="`nextCursor` of the page before; none: the first page.")]
Limit = Annotated[int, QueryParameter(ge=1, le=LIMIT_MAX, description="How many on a page.")]


@get(
    "/tickets/{ticketId:str}",
    operation_id="readTicket",
    summary="One ticket",
    operation_class=Query,
    responses=declare(examples.TICKET, InvalidRequest, TicketNotFound),
)
async def read_ticket(ticket_id: TicketId, reads: NamedDependency[Reads]) -> Ticket:
    return await reads.ticket(ticket_id)


@get(
    "/tickets",
    operation_id="listTickets",
    summary="The tickets of an event, page by page",
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
    return await reads.tickets(event_id, zone_id=zone_id, status=status, cursor=cursor, limit=limit)


@get(
    "/tickets/count/{eventId:str}",
    operation_id="countTickets",
    summary="How many tickets each zone has sold",
    operation_class=Query,
    responses=declare(examples.EVENT_COUNT, InvalidRequest, EventNotFound),
)
async def count_tickets(event_id: EventId, reads: NamedDependency[Reads]) -> EventCount:
    return await reads.count(event_id)


@get(
    "/tickets/money/{venueId:str}/{eventId:str}",
    operation_id="readMoney",
    summary="How much the event has earned, under its first name",
    operation_class=Query,
    responses=declare(examples.REVENUE, InvalidRequest, EventNotFound),
)
async def read_money(venue_id: VenueId, event_id: EventId, reads: NamedDependency[Reads]) -> Revenue:
    return await reads.revenue(venue_id, event_id)


@get(
    "/tickets/revenue/{venueId:str}/{eventId:str}",
    operation_id="readRevenue",
    summary="How much the event has earned",
    operation_class=Query,
    responses=declare(examples.REVENUE, InvalidRequest, EventNotFound),
)
async def read_revenue(venue_id: VenueId, event_id: EventId, reads: NamedDependency[Reads]) -> Revenue:
    return await reads.revenue(venue_id, event_id)


@get(
    "/venues",
    operation_id="listVenues",
    summary="The venues, page by page",
    operation_class=Query,
    responses=declare(examples.VENUE_PAGE, InvalidRequest),
)
async def list_venues(reads: NamedDependency[Reads], cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT) -> VenuePage:
    return await reads.venues(cursor=cursor, limit=limit)


@get(
    "/venues/{venueId:str}",
    operation_id="readVenue",
    summary="One venue with its zones",
    operation_class=Query,
    responses=declare(examples.VENUE, InvalidRequest, VenueNotFound),
)
async def read_venue(venue_id: VenueId, reads: NamedDependency[Reads]) -> Venue:
    return await reads.venue(venue_id)


@get(
    "/events",
    operation_id="listEvents",
    summary="The events, page by page",
    operation_class=Query,
    responses=declare(examples.EVENT_PAGE, InvalidRequest),
)
async def list_events(reads: NamedDependency[Reads], cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT) -> EventPage:
    return await reads.events(cursor=cursor, limit=limit)


@get(
    "/events/{eventId:str}",
    operation_id="readEvent",
    summary="One event with its zones and prices",
    operation_class=Query,
    responses=declare(examples.EVENT, InvalidRequest, EventNotFound),
)
async def read_event(event_id: EventId, reads: NamedDependency[Reads]) -> Event:
    return await reads.event(event_id)


@get(
    "/events/{eventId:str}/seats",
    operation_id="readSeatMap",
    summary="Which seats are free, held or sold",
    operation_class=Query,
    responses=declare(examples.SEAT_MAP, InvalidRequest, EventNotFound, ZoneNotFound),
)
async def read_seat_map(event_id: EventId, reads: NamedDependency[Reads], zone_id: InZone = None) -> SeatMap:
    return await reads.seat_map(event_id, zone_id=zone_id)


class Answer(Response[Any]):
    """An answer as JSON, without the machinery for cookies, headers and backgrounds that none of them uses."""

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
    """Every query, each read when the read model is as fresh as its Consistency-Token asks."""

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
    """Raises InvalidRequest for a query parameter that the handler does not know, or that is given twice."""
    if not request.scope["query_string"]:
        return
    known = known_parameters(request.route_handler)
    for name, times in Counter(name for name, _ in request.query_params.multi_items()).items():
        if name not in known:
            raise InvalidRequest(name, "there is no such parameter")
        if times > 1:
            raise InvalidRequest(name, "given more than once")


@cache
def known_parameters(handler: BaseRouteHandler) -> frozenset[str]:
    """The names of the handler's query parameters, as they stand in the address."""
    return frozenset(
        field.kwarg_definition.name or name
        for name, field in handler.parsed_fn_signature.parameters.items()
        if isinstance(field.kwarg_definition, QueryParameter)
    )
