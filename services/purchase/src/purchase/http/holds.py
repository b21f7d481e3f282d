"""The commands about holds over HTTP: handlers translate, they do not decide."""

import msgspec
from litestar import Response, delete, get, post
from litestar.response.base import ASGIResponse

from purchase import refusals
from purchase.http import examples
from purchase.http.answers import consistency_token, hold_answer
from purchase.http.bodies import HoldBestBody, HoldSeatsBody
from purchase.http.openapi import IDEMPOTENCY_KEY, HoldId, declare, takes
from purchase.http.problems import answer
from purchase.http.requests import read_body, read_fields, read_hold_id, read_key, read_trace
from purchase.http.services import Caller, services_of
from purchase.providers import ProviderAway, deadline
from purchase.refusals import Refusal
from purchase.store.ids import partition_bits


@post(
    "/api/v1/holds",
    tags=["Holds"],
    operation_id="holdSeats",
    summary="Hold seats for a while: these, or the best so many of a zone",
    operation_class=takes(
        HoldSeatsBody, examples.HOLD_SEATS, [IDEMPOTENCY_KEY], or_else={HoldBestBody: examples.HOLD_BEST}
    ),
    responses=declare(
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
async def hold_seats(request: Caller) -> ASGIResponse:
    """All or none; they are free again the instant `expiresAt` passes, unless they are being paid for by then.

    The best block of a zone is adjacent in one row, leaves no single seat where it need not, and is nearest the front
    and then the middle; where there is no block of that many seats, the fewest blocks are held.
    """
    services = services_of(request)
    wanted = await _read_hold(request)
    made = await services.hold_desk.hold(wanted, await read_key(request, "POST /api/v1/holds"), read_trace(request))
    if isinstance(made, Refusal):
        return answer(made, "/api/v1/holds")
    headers = {
        "Location": f"/api/v1/holds/{made.hold.hold_id}",
        "Consistency-Token": consistency_token({made.hold.partition: made.position}),
    }
    if made.is_replayed:
        headers["Idempotent-Replayed"] = "true"
    told = hold_answer(made.hold, "HELD")
    return ASGIResponse(body=msgspec.json.encode(told), status_code=201, headers=headers)


@get(
    "/api/v1/holds/{holdId:str}",
    tags=["Holds"],
    operation_id="getHold",
    summary="How a hold stands",
    responses=declare({200: examples.HOLD}, refusals.HoldNotFound, with_body=False),
)
async def get_hold(request: Caller, hold_id: HoldId) -> ASGIResponse:
    """Until a day after it has ended."""
    hold, state = await services_of(request).hold_desk.find(read_hold_id(hold_id))
    return ASGIResponse(body=msgspec.json.encode(hold_answer(hold, state)))


@delete(
    "/api/v1/holds/{holdId:str}",
    status_code=204,
    tags=["Holds"],
    operation_id="releaseHold",
    summary="Give a hold up",
    operation_class=takes(None),
    responses=declare({204: None}, refusals.HoldNotFound, refusals.HoldPaid, ProviderAway, with_body=False),
)
async def release_hold(request: Caller, hold_id: HoldId) -> Response[None]:
    """Its seats are free at once, or once a payment that is under way is cancelled; the same again when repeated.

    Nothing happens to a hold that has ended before.
    """
    wanted = read_hold_id(hold_id)
    with deadline.shared():
        position = await services_of(request).cashier.release(wanted, read_trace(request))
    token = consistency_token({partition_bits(wanted): position})
    return Response(None, headers={"Consistency-Token": token})


async def _read_hold(request: Caller) -> HoldSeatsBody | HoldBestBody:
    """Read a request for the best seats if it names a zone or a quantity, else one for named seats.

    Raises what `read_body` raises.
    """
    if await read_fields(request) & {"zoneId", "quantity"}:
        return await read_body(request, _best_decoder)
    return await read_body(request, _seats_decoder)


_seats_decoder = msgspec.json.Decoder(HoldSeatsBody)
_best_decoder = msgspec.json.Decoder(HoldBestBody)

handlers = [hold_seats, get_hold, release_hold]
