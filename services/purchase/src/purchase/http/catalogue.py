"""Defining venues and events over HTTP: handlers translate, they do not decide."""

from typing import Annotated

import msgspec
from litestar import put
from litestar.params import PathParameter
from litestar.response.base import ASGIResponse

from purchase import refusals
from purchase.catalogue.definitions import Written
from purchase.http import examples
from purchase.http.answers import Event, Venue, consistency_token, event_answer, venue_answer
from purchase.http.bodies import DefineVenueBody, ScheduleEventBody
from purchase.http.openapi import declare_request, declare_responses
from purchase.http.requests import (
    IDENTIFIER,
    IDENTIFIER_SHAPE,
    HttpRequest,
    read_bearer,
    read_body,
    read_identifier,
)
from purchase.http.services import services_of

VenueId = Annotated[
    str, PathParameter(name="venueId", description=IDENTIFIER_SHAPE, schema_extra={"pattern": IDENTIFIER})
]
EventId = Annotated[
    str, PathParameter(name="eventId", description=IDENTIFIER_SHAPE, schema_extra={"pattern": IDENTIFIER})
]


@put(
    "/api/v1/venues/{venueId:str}",
    tags=["Catalogue"],
    operation_id="defineVenue",
    summary="Create or replace a venue",
    operation_class=declare_request(DefineVenueBody, examples.DEFINE_VENUE),
    security=[{"admin": []}],
    responses=declare_responses(
        {200: examples.VENUE, 201: examples.VENUE}, refusals.Unauthorized, refusals.Forbidden, refusals.SeatsInUse
    ),
)
async def define_venue(request: HttpRequest, venue_id: VenueId) -> ASGIResponse:
    """Define the venue and update the zones and prices of all its events, or of none.

    A change that would remove a sold or held seat is refused and changes nothing. The answer is
    201 if the venue is new, else 200.
    """
    services = services_of(request)
    services.admins.admit(read_bearer(request))
    identifier = read_identifier(venue_id, "venueId")
    venue = (await read_body(request, _venue_decoder)).venue(identifier)
    return _defined(venue_answer(venue), await services.definitions.define_venue(venue))


@put(
    "/api/v1/events/{eventId:str}",
    tags=["Catalogue"],
    operation_id="scheduleEvent",
    summary="Create or replace an event",
    operation_class=declare_request(ScheduleEventBody, examples.SCHEDULE_EVENT),
    security=[{"admin": []}],
    responses=declare_responses(
        {200: examples.EVENT, 201: examples.EVENT},
        refusals.Unauthorized,
        refusals.Forbidden,
        refusals.VenueNotFound,
        refusals.VenueMismatch,
    ),
)
async def schedule_event(request: HttpRequest, event_id: EventId) -> ASGIResponse:
    """Put the event on sale at once, or from `salesOpenAt`, with the zones and prices of its venue.

    The answer is 201 if the event is new, else 200.
    """
    services = services_of(request)
    services.admins.admit(read_bearer(request))
    identifier = read_identifier(event_id, "eventId")
    event = (await read_body(request, _event_decoder)).event(identifier)
    return _defined(event_answer(event), await services.definitions.schedule(event))


def _defined(body: Venue | Event, written: Written) -> ASGIResponse:
    return ASGIResponse(
        body=msgspec.json.encode(body),
        status_code=201 if written.is_new else 200,
        headers={"Consistency-Token": consistency_token(written.positions)},
    )


_venue_decoder = msgspec.json.Decoder(DefineVenueBody)
_event_decoder = msgspec.json.Decoder(ScheduleEventBody)

handlers = [define_venue, schedule_event]
