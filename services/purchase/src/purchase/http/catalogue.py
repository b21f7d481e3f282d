"""Defining venues and events over HTTP."""

from typing import Annotated

import msgspec
from litestar import put
from litestar.params import PathParameter
from litestar.response.base import ASGIResponse

from purchase import refusals
from purchase.catalogue.definitions import Written
from purchase.http import examples
from purchase.http.answers import EventAnswer, VenueAnswer, consistency_token, event_answer, venue_answer
from purchase.http.bodies import DefineVenueBody, ScheduleEventBody
from purchase.http.openapi import declare, takes
from purchase.http.requests import (
    IDENTIFIER,
    IDENTIFIER_SHAPE,
    read_bearer,
    read_body,
    read_identifier,
)
from purchase.http.services import Caller, services_of

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
    summary="Define a venue and update its events",
    operation_class=takes(DefineVenueBody, examples.DEFINE_VENUE),
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
    operation_class=takes(ScheduleEventBody, examples.SCHEDULE_EVENT),
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


def _defined(told: VenueAnswer | EventAnswer, written: Written) -> ASGIResponse:
    return ASGIResponse(
        body=msgspec.json.encode(told),
        status_code=201 if written.is_new else 200,
        headers={"Consistency-Token": consistency_token(written.positions)},
    )


_venue_decoder = msgspec.json.Decoder(DefineVenueBody)

_event_decoder = msgspec.json.Decoder(ScheduleEventBody)

handlers = [define_venue, schedule_event]
