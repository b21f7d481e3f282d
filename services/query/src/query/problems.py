"""The one table from what went wrong to RFC 9457 problem details."""

import logging
import re
from collections.abc import Mapping
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.plugins.problem_details import ProblemDetailsConfig, ProblemDetailsException, ProblemDetailsPlugin
from msgspec import Struct

from query.database import Overloaded, ReadModelUnavailable
from query.freshness import InvalidConsistencyToken, ProjectionLagging
from query.metrics import problems_told
from query.parameters import InvalidRequest
from query.reads import EventNotFound, TicketNotFound, VenueNotFound, ZoneNotFound

MEDIA_TYPE = "application/problem+json"
_MISSING = re.compile(r"Missing required \w+ parameter '(\w+)'")

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


INVALID_REQUEST = Kind("invalid-request", 400, "The request is not understood")
NOT_FOUND = Kind("not-found", 404, "There is nothing at this address")
METHOD_NOT_ALLOWED = Kind("method-not-allowed", 405, "This address does not know the method")
INTERNAL_ERROR = Kind("internal-error", 500, "Something went wrong here")

KINDS: Mapping[type[Exception], Kind] = {
    InvalidRequest: INVALID_REQUEST,
    InvalidConsistencyToken: Kind("invalid-consistency-token", 400, "The Consistency-Token is malformed"),
    TicketNotFound: Kind("ticket-not-found", 404, "There is no such ticket"),
    EventNotFound: Kind("event-not-found", 404, "There is no such event"),
    VenueNotFound: Kind("venue-not-found", 404, "There is no such venue"),
    ZoneNotFound: Kind("zone-not-found", 404, "The event has no such zone"),
    ProjectionLagging: Kind("projection-lagging", 503, "The read model has not got that far yet", 1),
    ReadModelUnavailable: Kind("read-model-unavailable", 503, "The read model does not answer", 1),
    Overloaded: Kind("overloaded", 503, "Too many queries are waiting already", 1),
}


class ProblemDetails(Struct, frozen=True):
    """What every problem says (RFC 9457); some add the values that matter, such as `field`."""

    type: str
    title: str
    status: int
    detail: str
    instance: str


class Problem(ProblemDetailsException):
    """A problem on its way to the client."""

    def __init__(self, kind: Kind, detail: str, **values: Any) -> None:
        self.kind = kind
        super().__init__(
            status_code=kind.status,
            type_=kind.type,
            title=kind.title,
            detail=detail,
            extra=values,
            headers={"Retry-After": str(kind.retry_after_seconds)} if kind.retry_after_seconds else None,
        )

    def to_response(self, request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        problems_told.labels(self.kind.slug).inc()
        self.instance = request.scope["raw_path"].decode()
        return super().to_response(request)


def plugin() -> ProblemDetailsPlugin:
    """Answers whatever is raised with a problem."""
    return ProblemDetailsPlugin(
        ProblemDetailsConfig(exception_to_problem_detail_map={HTTPException: of_framework, Exception: of_error})
    )


def of_error(error: Exception) -> Problem:
    """What one of our own errors means; one that is not in the table is logged and told without a word of it."""
    kind = KINDS.get(type(error))
    if kind is None:
        log.error("a query failed", exc_info=error)
        return Problem(INTERNAL_ERROR, "The query failed; the reason has been logged.")
    return Problem(kind, str(error) or kind.title, **{camel(name): value for name, value in vars(error).items()})


def of_framework(error: HTTPException) -> Problem:
    """What the framework says before or around a handler."""
    match error.status_code:
        case 400:
            return _invalid_request(error)
        case 404:
            return Problem(NOT_FOUND, NOT_FOUND.title)
        case 405:
            return _method_not_allowed(error)
        case _:
            return of_error(error)


def _invalid_request(error: HTTPException) -> Problem:
    """The framework tells faulty parameters as a list, by the name in the code, a missing one in its text only."""
    if isinstance(error.extra, list) and error.extra:
        fault = error.extra[0]
        return Problem(INVALID_REQUEST, fault["message"], field=camel(fault.get("key", "")))
    if missing := _MISSING.match(error.detail):
        return Problem(INVALID_REQUEST, f"{missing[1]} is missing", field=missing[1])
    return Problem(INVALID_REQUEST, error.detail)


def _method_not_allowed(error: HTTPException) -> Problem:
    problem = Problem(METHOD_NOT_ALLOWED, METHOD_NOT_ALLOWED.title)
    problem.headers = {"Allow": f"HEAD, {(error.headers or {})['allow']}"}
    return problem


def camel(name: str) -> str:
    """`zone_id` is `zoneId` on the wire."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
