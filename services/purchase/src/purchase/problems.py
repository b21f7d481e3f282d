"""The one table from what happened to what is answered: RFC 9457, application/problem+json."""

import logging
from typing import Any

import msgspec
from litestar import Request
from litestar.exceptions import HTTPException
from litestar.response import Response
from litestar.response.base import ASGIResponse

from purchase import refusals
from purchase.outbox import OutcomeUnknown, Overloaded, Recovering, Unavailable

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


class InvalidRequest(refusals.Refusal):
    """The request is not what the call takes; `field` names the part."""


class InvalidIdempotencyKey(refusals.Refusal):
    """1 to 255 visible ASCII characters."""


class UnsupportedMediaType(refusals.Refusal):
    """The body is not application/json."""


_TABLE: dict[type[Exception], tuple[int, str, str]] = {
    UnsupportedMediaType: (415, "unsupported-media-type", "The body must be JSON"),
    InvalidRequest: (400, "invalid-request", "The request is not valid"),
    InvalidIdempotencyKey: (400, "invalid-idempotency-key", "The Idempotency-Key is not valid"),
    refusals.CustomerRequired: (400, "invalid-request", "The request is not valid"),
    refusals.InvalidSeatLabel: (422, "invalid-seat-label", "There is no such label"),
    refusals.EventNotFound: (404, "event-not-found", "There is no such event"),
    refusals.VenueNotFound: (404, "venue-not-found", "There is no such venue"),
    refusals.VenueMismatch: (409, "venue-mismatch", "The event is not at that venue"),
    refusals.ZoneNotFound: (404, "zone-not-found", "There is no such zone"),
    refusals.SeatOutOfRange: (422, "seat-out-of-range", "The zone has no such seat"),
    refusals.DirectSalesOff: (403, "direct-sales-off", "Direct sales are switched off"),
    refusals.SalesNotOpen: (403, "sales-not-open", "Sales have not opened yet"),
    refusals.SalesClosed: (403, "sales-closed", "Sales are closed"),
    refusals.CustomerLimit: (409, "customer-limit", "The customer has as many seats as the event allows"),
    refusals.SeatTaken: (409, "seat-taken", "The seat is taken"),
    refusals.ZoneFull: (409, "zone-full", "The zone is sold out"),
    refusals.EventFull: (409, "event-full", "The event is sold out"),
    refusals.SeatsInUse: (409, "seats-in-use", "Seats are in use"),
    refusals.KeyReused: (422, "idempotency-key-reused", "The Idempotency-Key was used for something else"),
    refusals.TicketNotFound: (404, "ticket-not-found", "There is no such ticket"),
    refusals.Unauthorized: (401, "unauthorized", "Who are you?"),
    refusals.Forbidden: (403, "forbidden", "You may not do this"),
    Recovering: (503, "recovering", "Nothing is sold just now"),
    Overloaded: (503, "overloaded", "Too much is going on just now"),
    Unavailable: (503, "overloaded", "Too much is going on just now"),
    OutcomeUnknown: (504, "outcome-unknown", "It is not known whether this was done"),
}

_DETAILS: dict[type[Exception], str] = {
    Recovering: "the state of the seats is not trusted just now; nothing was done",
    Overloaded: "a bounded queue is full; nothing was done",
    Unavailable: "the same thing is being changed by others all the time; nothing was done",
    OutcomeUnknown: "no answer came in time: repeat the call with the same Idempotency-Key",
}

_HTTP = {404: "not-found", 405: "method-not-allowed", 413: "too-large"}


def problem(error: Exception, instance: str) -> tuple[int, bytes, dict[str, str]]:
    """Status, body and headers that tell what happened."""
    status, slug, title = next(entry for kind in type(error).__mro__ if (entry := _TABLE.get(kind)))
    told = {
        "type": f"/problems/{slug}",
        "title": title,
        "status": status,
        "detail": _detail(error),
        "instance": instance,
    }
    headers = {"Retry-After": "1"} if status == 503 else {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    facts = error.facts if isinstance(error, refusals.Refusal) else {}
    return status, msgspec.json.encode({**told, **facts}), headers


def answer(error: Exception, instance: str) -> ASGIResponse:
    """A refusal that was returned, on its shortest way out."""
    status, body, headers = problem(error, instance)
    return ASGIResponse(body=body, status_code=status, headers=headers, media_type=MEDIA_TYPE)


def handle(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """An error that was raised, the framework's own and the unforeseen included."""
    path = request.scope["path"]
    if any(kind in _TABLE for kind in type(error).__mro__):
        status, body, headers = problem(error, path)
        return Response(body, status_code=status, headers=headers, media_type=MEDIA_TYPE)
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status >= 500:
        log.error("a request failed unforeseen", exc_info=error, extra={"path": path})
        status, slug, title, detail = 500, "internal-error", "Something went wrong here", "it was logged"
    else:
        slug, title = _HTTP.get(status, "invalid-request"), str(getattr(error, "detail", ""))
        detail = title
    told = {"type": f"/problems/{slug}", "title": title, "status": status, "detail": detail, "instance": path}
    return Response(
        msgspec.json.encode(told),
        status_code=status,
        headers=getattr(error, "headers", None) or {},
        media_type=MEDIA_TYPE,
    )


def _detail(error: Exception) -> str:
    if isinstance(error, refusals.Refusal):
        return error.detail
    return next(text for kind in type(error).__mro__ if (text := _DETAILS.get(kind)))
