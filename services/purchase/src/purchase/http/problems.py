"""The one table from what happened to RFC 9457 problem details."""

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.plugins.problem_details import ProblemDetailsConfig, ProblemDetailsException, ProblemDetailsPlugin
from litestar.response.base import ASGIResponse
from msgspec import Struct

from purchase import refusals
from purchase.catalogue.definitions import TooManyChanges
from purchase.providers import NoSuchPayment, ProviderAway, ProviderSilent
from purchase.store.connection import OutcomeUnknown, Overloaded, Recovering

MEDIA_TYPE = "application/problem+json"

log = logging.getLogger(__name__)


class Kind(Struct, frozen=True):
    """A kind of problem: what its `type` ends in, and what is the same each time it is told."""

    slug: str
    status: int
    title: str
    retry_after_seconds: int | None = None

    @property
    def type(self) -> str:
        return f"/problems/{self.slug}"


INVALID_REQUEST = Kind("invalid-request", 400, "Invalid request")
TOO_LARGE = Kind("too-large", 413, "The body is larger than 64 KiB")
NOT_FOUND = Kind("not-found", 404, "Not found")
METHOD_NOT_ALLOWED = Kind("method-not-allowed", 405, "Method not allowed")
INTERNAL_ERROR = Kind("internal-error", 500, "Internal error")
PAYMENT_UNAVAILABLE = Kind("payment-unavailable", 503, "The payment provider does not answer just now", 5)

KINDS: Mapping[type[Exception], Kind] = {
    refusals.UnsupportedMediaType: Kind("unsupported-media-type", 415, "The body must be JSON"),
    refusals.InvalidRequest: INVALID_REQUEST,
    refusals.InvalidIdempotencyKey: Kind("invalid-idempotency-key", 400, "The Idempotency-Key is malformed"),
    refusals.CustomerRequired: INVALID_REQUEST,
    refusals.InvalidSeatLabel: Kind("invalid-seat-label", 422, "No seat has such a label"),
    refusals.EventNotFound: Kind("event-not-found", 404, "There is no such event"),
    refusals.VenueNotFound: Kind("venue-not-found", 404, "There is no such venue"),
    refusals.VenueMismatch: Kind("venue-mismatch", 409, "The event is not at that venue"),
    refusals.ZoneNotFound: Kind("zone-not-found", 404, "The event has no such zone"),
    refusals.SeatOutOfRange: Kind("seat-out-of-range", 422, "The zone has no such seat"),
    refusals.DirectSalesOff: Kind("direct-sales-off", 403, "Direct sales are switched off"),
    refusals.SalesNotOpen: Kind("sales-not-open", 403, "Sales have not opened yet"),
    refusals.SalesClosed: Kind("sales-closed", 403, "Sales are closed"),
    refusals.CustomerLimit: Kind("customer-limit", 409, "The customer has as many seats as the event allows"),
    refusals.TooManySeats: Kind("too-many-seats", 422, "A hold has at most 10 seats"),
    refusals.DuplicateSeat: Kind("duplicate-seat", 422, "A hold has each seat once"),
    refusals.SeatTaken: Kind("seat-taken", 409, "The seat is taken"),
    refusals.ZoneFull: Kind("zone-full", 409, "The zone is sold out"),
    refusals.EventFull: Kind("event-full", 409, "The event is sold out"),
    refusals.SeatsInUse: Kind("seats-in-use", 409, "Seats that would go are sold or held"),
    refusals.KeyReused: Kind("idempotency-key-reused", 422, "The Idempotency-Key came with another body before"),
    refusals.TicketNotFound: Kind("ticket-not-found", 404, "There is no such ticket"),
    refusals.HoldNotFound: Kind("hold-not-found", 404, "There is no such hold"),
    refusals.HoldExpired: Kind("hold-expired", 410, "The hold is over"),
    refusals.HoldPaid: Kind("hold-paid", 409, "The hold is paid for, and its seats are sold"),
    refusals.PaymentRequired: Kind("payment-required", 402, "Nothing is authorised for the hold"),
    refusals.PaymentDeclined: Kind("payment-declined", 402, "The payment was declined"),
    ProviderAway: PAYMENT_UNAVAILABLE,
    ProviderSilent: PAYMENT_UNAVAILABLE,
    NoSuchPayment: PAYMENT_UNAVAILABLE,
    refusals.Unauthorized: Kind("unauthorized", 401, "Authentication required"),
    refusals.Forbidden: Kind("forbidden", 403, "This caller may not do this"),
    Recovering: Kind("recovering", 503, "The state of the seats is not trusted just now; nothing was done", 1),
    Overloaded: Kind("overloaded", 503, "The service is overloaded; nothing was done", 1),
    TooManyChanges: Kind("overloaded", 503, "Too many concurrent changes; nothing was done", 1),
    OutcomeUnknown: Kind("outcome-unknown", 504, "No answer in time: repeat the call with the same Idempotency-Key"),
}

_FRAMEWORK = {404: NOT_FOUND, 405: METHOD_NOT_ALLOWED, 413: TOO_LARGE}


class ProblemDetails(Struct, frozen=True):
    """What every problem says (RFC 9457); some add the values that matter, such as `field` or `seats`."""

    type: str
    title: str
    status: int
    detail: str
    instance: str


class Problem(ProblemDetailsException):
    """A problem on its way to the client."""

    def __init__(self, kind: Kind, detail: str, headers: dict[str, str], facts: dict[str, Any]) -> None:
        super().__init__(
            status_code=kind.status, type_=kind.type, title=kind.title, detail=detail, extra=facts, headers=headers
        )

    def to_response(self, request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        self.instance = quote(request.scope["path"])
        return super().to_response(request)


def plugin() -> ProblemDetailsPlugin:
    """Answers whatever is raised with a problem."""
    return ProblemDetailsPlugin(
        ProblemDetailsConfig(exception_to_problem_detail_map={HTTPException: _of_framework, Exception: _of_error})
    )


def answer(refusal: refusals.Refusal, instance: str) -> ASGIResponse:
    """A refusal that was returned, on its shortest way out: raising it would cost a third of a request."""
    kind = KINDS[type(refusal)]
    details = ProblemDetails(kind.type, kind.title, kind.status, refusal.detail, instance)
    body = msgspec.json.encode({**msgspec.structs.asdict(details), **refusal.facts})
    return ASGIResponse(body=body, status_code=kind.status, media_type=MEDIA_TYPE)


def _of_error(error: Exception) -> Problem:
    """What one of our own errors means; one that is not in the table is logged and told without a word of it."""
    kind = KINDS.get(type(error))
    if kind is None:
        log.error("a command failed", exc_info=error)
        return Problem(INTERNAL_ERROR, "The command failed; the reason has been logged.", {}, {})
    headers = {"Retry-After": str(kind.retry_after_seconds)} if kind.retry_after_seconds else {}
    if kind.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, refusals.Refusal):
        return Problem(kind, error.detail, headers, error.facts)
    return Problem(kind, kind.title, headers, {})


def _of_framework(error: HTTPException) -> Problem:
    """What the framework refused before a handler was asked."""
    if error.status_code >= 500:
        return _of_error(error)
    kind = _FRAMEWORK.get(error.status_code, INVALID_REQUEST)
    return Problem(kind, kind.title, dict(error.headers or {}), {})
