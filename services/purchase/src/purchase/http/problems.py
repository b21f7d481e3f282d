"""RFC 9457 problem details: the one table from errors to the problems that clients receive."""

import logging
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.plugins.problem_details import ProblemDetailsConfig, ProblemDetailsException, ProblemDetailsPlugin
from litestar.response.base import ASGIResponse
from msgspec import Meta, Struct

from purchase import refusals
from purchase.catalogue.definitions import TooManyChanges
from purchase.providers import NoSuchPayment, ProviderAway, ProviderSilent
from purchase.store.connection import OutcomeUnknown, Overloaded, Recovering

MEDIA_TYPE = "application/problem+json"

log = logging.getLogger(__name__)


class Kind(Struct, frozen=True):
    """A kind of problem: the end of its `type`, and the values that all of this kind share.

    `explanation` is the detail of a problem whose error brings none; by default it is the title.
    """

    slug: str
    status: int
    title: str
    retry_after_seconds: int | None = None
    explanation: str | None = None

    @property
    def type(self) -> str:
        return f"/problems/{self.slug}"

    @property
    def detail(self) -> str:
        return self.explanation or f"{self.title}."


INVALID_REQUEST = Kind("invalid-request", 400, "Invalid request")
TOO_LARGE = Kind("too-large", 413, "Too large", explanation="A body has at most 64 KiB.")
NOT_FOUND = Kind("not-found", 404, "Not found", explanation="No resource has this address.")
METHOD_NOT_ALLOWED = Kind("method-not-allowed", 405, "Method not allowed")
INTERNAL_ERROR = Kind("internal-error", 500, "Internal error")
PAYMENT_UNAVAILABLE = Kind("payment-unavailable", 503, "The payment provider is unavailable", 5)

KINDS: Mapping[type[Exception], Kind] = {
    refusals.InvalidRequest: INVALID_REQUEST,
    refusals.UnsupportedMediaType: Kind("unsupported-media-type", 415, "The body must be JSON"),
    refusals.InvalidIdempotencyKey: Kind("invalid-idempotency-key", 400, "The Idempotency-Key is malformed"),
    refusals.InvalidSeatLabel: Kind("invalid-seat-label", 422, "The seat label is malformed"),
    refusals.EventNotFound: Kind("event-not-found", 404, "There is no such event"),
    refusals.VenueNotFound: Kind("venue-not-found", 404, "There is no such venue"),
    refusals.VenueMismatch: Kind("venue-mismatch", 409, "The event is at another venue"),
    refusals.ZoneNotFound: Kind("zone-not-found", 404, "The event has no such zone"),
    refusals.SeatOutOfRange: Kind("seat-out-of-range", 422, "The zone has no such seat"),
    refusals.DirectSalesOff: Kind("direct-sales-off", 403, "Direct sales are switched off"),
    refusals.SalesNotOpen: Kind("sales-not-open", 403, "Sales have not opened yet"),
    refusals.SalesClosed: Kind("sales-closed", 403, "Sales are closed"),
    refusals.CustomerRequired: INVALID_REQUEST,
    refusals.CustomerLimit: Kind("customer-limit", 409, "The customer has reached a limit"),
    refusals.TooManySeats: Kind("too-many-seats", 422, "A hold has at most 10 seats"),
    refusals.DuplicateSeat: Kind("duplicate-seat", 422, "The hold names a seat twice"),
    refusals.SeatTaken: Kind("seat-taken", 409, "The seat is taken"),
    refusals.ZoneFull: Kind("zone-full", 409, "The zone is sold out"),
    refusals.EventFull: Kind("event-full", 409, "The event is sold out"),
    refusals.SeatsInUse: Kind("seats-in-use", 409, "The change would remove seats that are sold or held"),
    refusals.KeyReused: Kind("idempotency-key-reused", 422, "The Idempotency-Key was used with another body"),
    refusals.TicketNotFound: Kind("ticket-not-found", 404, "There is no such ticket"),
    refusals.HoldNotFound: Kind("hold-not-found", 404, "There is no such hold"),
    refusals.HoldExpired: Kind("hold-expired", 410, "The hold has ended"),
    refusals.HoldPaid: Kind("hold-paid", 409, "The hold is paid for; its seats are sold"),
    refusals.PaymentRequired: Kind("payment-required", 402, "The hold has no authorised payment"),
    refusals.PaymentDeclined: Kind("payment-declined", 402, "The payment was declined"),
    ProviderAway: PAYMENT_UNAVAILABLE,
    ProviderSilent: PAYMENT_UNAVAILABLE,
    NoSuchPayment: PAYMENT_UNAVAILABLE,
    refusals.Unauthorized: Kind("unauthorized", 401, "Authentication required"),
    refusals.Forbidden: Kind("forbidden", 403, "Permission denied"),
    Recovering: Kind("recovering", 503, "The state of the seats is being recovered; nothing was done", 1),
    Overloaded: Kind("overloaded", 503, "The service is overloaded; nothing was done", 1),
    TooManyChanges: Kind("overloaded", 503, "Too many concurrent changes; nothing was done", 1),
    OutcomeUnknown: Kind(
        "outcome-unknown",
        504,
        "Outcome unknown",
        explanation="The service did not finish in time. Retry a POST with the same Idempotency-Key.",
    ),
}

_OF_STATUS = {404: NOT_FOUND, 405: METHOD_NOT_ALLOWED, 413: TOO_LARGE}


class ProblemDetails(Struct, frozen=True):
    """The members of every problem (RFC 9457); some add others, such as `field` or `seats`."""

    type: Annotated[str, Meta(description="The kind of problem: `/problems/` and its slug.")]
    title: Annotated[str, Meta(description="The kind of problem in words.")]
    status: Annotated[int, Meta(description="The HTTP status.")]
    detail: Annotated[str, Meta(description="This problem in words.")]
    instance: Annotated[str, Meta(description="The path of the request.")]


class Problem(ProblemDetailsException):
    """A problem as an exception, which the plugin turns into the response."""

    def __init__(self, kind: Kind, detail: str, headers: dict[str, str], facts: dict[str, Any]) -> None:
        super().__init__(
            status_code=kind.status, type_=kind.type, title=kind.title, detail=detail, extra=facts, headers=headers
        )

    def to_response(self, request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        self.instance = quote(request.scope["path"])
        return super().to_response(request)


def plugin() -> ProblemDetailsPlugin:
    """Return the plugin that answers every exception with a problem."""
    return ProblemDetailsPlugin(
        ProblemDetailsConfig(exception_to_problem_detail_map={HTTPException: _of_framework, Exception: _of_error})
    )


def answer(refusal: refusals.Refusal, instance: str) -> ASGIResponse:
    """Return the response to a refusal that a command returned.

    Raising the refusal would cost a third of a request.
    """
    kind = KINDS[type(refusal)]
    details = ProblemDetails(kind.type, kind.title, kind.status, refusal.detail, instance)
    body = msgspec.json.encode({**msgspec.structs.asdict(details), **refusal.facts})
    return ASGIResponse(body=body, status_code=kind.status, media_type=MEDIA_TYPE)


def _of_error(error: Exception) -> Problem:
    """Return the problem of an error of ours; log an unknown one and answer a plain 500."""
    kind = KINDS.get(type(error))
    if kind is None:
        log.error("a command failed", exc_info=error)
        return Problem(INTERNAL_ERROR, "The command failed; the reason has been logged.", {}, {})
    headers = {"Retry-After": str(kind.retry_after_seconds)} if kind.retry_after_seconds else {}
    if kind.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, refusals.Refusal):
        return Problem(kind, error.detail, headers, error.facts)
    return Problem(kind, kind.detail, headers, {})


def _of_framework(error: HTTPException) -> Problem:
    """Return the problem of an error that the framework raised."""
    if error.status_code >= 500:
        return _of_error(error)
    kind = _OF_STATUS.get(error.status_code, INVALID_REQUEST)
    return Problem(kind, kind.detail, dict(error.headers or {}), {})
