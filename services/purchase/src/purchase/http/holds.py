"""Holding and releasing seats over HTTP: handlers translate, they do not decide."""

import msgspec
from litestar import Response, delete, get, post
from litestar.response.base import ASGIResponse

from purchase import refusals
from purchase.http import examples
from purchase.http.answers import consistency_token, hold_answer
from purchase.http.bodies import HoldBestBody, HoldSeatsBody
from purchase.http.openapi import (
    CONSISTENCY_TOKEN,
    IDEMPOTENCY_KEY,
    IDEMPOTENT_REPLAYED,
    LOCATION,
    HoldId,
    declare_request,
    declare_responses,
)
from purchase.http.problems import answer
from purchase.http.requests import HttpRequest, read_body, read_fields, read_key, read_trace, read_uuid
from purchase.http.services import services_of
from purchase.providers import ProviderAway, deadline
from purchase.refusals import Refusal
from purchase.store.ids import partition_bits


@post(
    "/api/v1/holds",
    tags=["Holds"],
    operation_id="holdSeats",
    summary="Hold seats",
    operation_class=declare_request(
        HoldSeatsBody,
        examples.HOLD_SEATS,
        [IDEMPOTENCY_KEY],
        other_bodies={HoldBestBody: examples.HOLD_BEST},
        response_headers={**CONSISTENCY_TOKEN, **LOCATION, **IDEMPOTENT_REPLAYED},
    ),
    responses=declare_responses(
        {201: examples.HOLD},
        refusals.InvalidIdempotencyKey,
        refusals.InvalidSeatLabel,
        refusals.EventNotFound,
        refusals.ZoneNotFound,
        refusals.SeatOutOfRange,
        refusals.SalesNotOpen,
        refusals.SalesClosed,
        refusals.CustomerLimit,
        refusals.TooManySeats,
        refusals.DuplicateSeat,
        refusals.SeatTaken,
        refusals.ZoneFull,
        refusals.EventFull,
        refusals.KeyReused,
    ),
)
async def hold_seats(request: HttpRequest) -> ASGIResponse:
    """Hold the seats named in `seats`, or the best `quantity` free seats of a zone; all or none.

    The seats are free again the instant `expiresAt` passes, unless a payment has begun by then.

    The best seats are adjacent in one row and leave no single seat free if that can be avoided.
    Among such blocks the one nearest to the front is held, then the one nearest to the middle. If
    no block is large enough, the seats come in as few blocks as possible.
    """
    services = services_of(request)
    command = await _read_hold(request)
    made = await services.hold_desk.hold(command, await read_key(request, "POST /api/v1/holds"), read_trace(request))
    if isinstance(made, Refusal):
        return answer(made, "/api/v1/holds")
    headers = {
        "Location": f"/api/v1/holds/{made.hold.hold_id}",
        "Consistency-Token": consistency_token({made.hold.partition: made.position}),
    }
    if made.is_replayed:
        headers["Idempotent-Replayed"] = "true"
    body = hold_answer(made.hold, "HELD")
    return ASGIResponse(body=msgspec.json.encode(body), status_code=201, headers=headers)


@get(
    "/api/v1/holds/{holdId:str}",
    tags=["Holds"],
    operation_id="getHold",
    summary="Get a hold",
    operation_class=declare_request(response_headers={}),
    responses=declare_responses({200: examples.HOLD}, refusals.HoldNotFound, with_body=False),
)
async def get_hold(request: HttpRequest, hold_id: HoldId) -> ASGIResponse:
    """Return the hold and its status. Holds can be read until one day after they end."""
    hold, state = await services_of(request).hold_desk.find(read_uuid(hold_id, "holdId"))
    return ASGIResponse(body=msgspec.json.encode(hold_answer(hold, state)))


@delete(
    "/api/v1/holds/{holdId:str}",
    status_code=204,
    tags=["Holds"],
    operation_id="releaseHold",
    summary="Release a hold",
    operation_class=declare_request(),
    responses=declare_responses({204: None}, refusals.HoldNotFound, refusals.HoldPaid, ProviderAway, with_body=False),
)
async def release_hold(request: HttpRequest, hold_id: HoldId) -> Response[None]:
    """Free the seats at once, or as soon as a payment in progress is cancelled.

    Repeating the call gives the same answer. A hold that has already ended stays as it is.
    """
    released_id = read_uuid(hold_id, "holdId")
    with deadline.shared():
        position = await services_of(request).cashier.release(released_id, read_trace(request))
    token = consistency_token({partition_bits(released_id): position})
    return Response(None, headers={"Consistency-Token": token})


async def _read_hold(request: HttpRequest) -> HoldSeatsBody | HoldBestBody:
    """Read a command for the best seats if the body has a zone or a quantity, else for named seats.

    Raises UnsupportedMediaType, InvalidRequest.
    """
    if await read_fields(request) & {"zoneId", "quantity"}:
        return await read_body(request, _best_decoder)
    return await read_body(request, _seats_decoder)


_seats_decoder = msgspec.json.Decoder(HoldSeatsBody)
_best_decoder = msgspec.json.Decoder(HoldBestBody)

handlers = [hold_seats, get_hold, release_hold]
