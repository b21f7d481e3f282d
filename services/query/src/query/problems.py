"""RFC 9457 problem details: the one table from errors to the problems that clients receive."""

import logging
import re
from collections.abc import Mapping
from typing import Annotated, Any

from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.plugins.problem_details import ProblemDetailsConfig, ProblemDetailsException, ProblemDetailsPlugin
from msgspec import Meta, Struct

from query import metrics
from query.database import Overloaded, ReadModelUnavailable
from query.freshness import InvalidConsistencyToken, ProjectionLagging
from query.parameters import InvalidRequest
from query.reads import EventNotFound, TicketNotFound, VenueNotFound, ZoneNotFound

MEDIA_TYPE = "application/problem+json"
_MISSING = re.compile(r"Missing required \w+ parameter '(\w+)'")

log = logging.getLogger(__name__)


class Kind(Struct, frozen=True):
    """A kind of problem: the end of its `type`, and the values that all of this kind share."""

    slug: str
    status: int
    title: str
    retry_after_seconds: int | None = None

    @property
    def type(self) -> str:
        return f"/problems/{self.slug}"


INVALID_REQUEST = Kind("invalid-request", 400, "Invalid request")
NOT_FOUND = Kind("not-found", 404, "Not found")
METHOD_NOT_ALLOWED = Kind("method-not-allowed", 405, "Method not allowed")
INTERNAL_ERROR = Kind("internal-error", 500, "Internal error")

KINDS: Mapping[type[Exception], Kind] = {
    InvalidRequest: INVALID_REQUEST,
    InvalidConsistencyToken: Kind("invalid-consistency-token", 400, "The Consistency-Token is malformed"),
    TicketNotFound: Kind("ticket-not-found", 404, "There is no such ticket"),
    EventNotFound: Kind("event-not-found", 404, "There is no such event"),
    VenueNotFound: Kind("venue-not-found", 404, "There is no such venue"),
    ZoneNotFound: Kind("zone-not-found", 404, "The event has no such zone"),
    ProjectionLagging: Kind("projection-lagging", 503, "The read model has not reached the Consistency-Token yet", 1),
    ReadModelUnavailable: Kind("read-model-unavailable", 503, "The read model is unavailable", 1),
    Overloaded: Kind("overloaded", 503, "The service is overloaded; nothing was done", 1),
}


class ProblemDetails(Struct, frozen=True):
    """The members of every problem (RFC 9457); some problems add others, such as `field`."""

    type: Annotated[str, Meta(description="The kind of problem: `/problems/` and its slug.")]
    title: Annotated[str, Meta(description="The kind of problem in words.")]
    status: Annotated[int, Meta(description="The HTTP status.")]
    detail: Annotated[str, Meta(description="This problem in words.")]
    instance: Annotated[str, Meta(description="The path of the request.")]


class Problem(ProblemDetailsException):
    """A problem as an exception, which the plugin turns into the response."""

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
        metrics.problems.labels(self.kind.slug).inc()
        self.instance = request.scope["raw_path"].decode()
        return super().to_response(request)


def plugin() -> ProblemDetailsPlugin:
    """Return the plugin that answers every exception with a problem."""
    return ProblemDetailsPlugin(
        ProblemDetailsConfig(exception_to_problem_detail_map={HTTPException: of_framework, Exception: of_error})
    )


def of_error(error: Exception) -> Problem:
    """Return the problem of an error of ours; log an unknown one and answer a plain 500."""
    kind = KINDS.get(type(error))
    if kind is None:
        log.error("a query failed", exc_info=error)
        return Problem(INTERNAL_ERROR, "The query failed; the reason has been logged.")
    return Problem(kind, str(error) or kind.title, **{camel(name): value for name, value in vars(error).items()})


def of_framework(error: HTTPException) -> Problem:
    """Return the problem of an error that the framework raised."""
    match error.status_code:
        case 400:
            return _invalid_request(error)
        case 404:
            return Problem(NOT_FOUND, "No resource has this address.")
        case 405:
            return _method_not_allowed(error)
        case _:
            return of_error(error)


def _invalid_request(error: HTTPException) -> Problem:
    """Return an invalid-request problem that names the parameter.

    The framework lists faulty parameters in `extra`, under their names in the code. It names a
    missing parameter in its text only.
    """
    if isinstance(error.extra, list) and error.extra:
        fault = error.extra[0]
        return Problem(INVALID_REQUEST, fault["message"], field=camel(fault.get("key", "")))
    if missing := _MISSING.match(error.detail):
        return Problem(INVALID_REQUEST, f"The parameter {missing[1]} is missing.", field=missing[1])
    return Problem(INVALID_REQUEST, error.detail)


def _method_not_allowed(error: HTTPException) -> Problem:
    problem = Problem(METHOD_NOT_ALLOWED, METHOD_NOT_ALLOWED.title)
    problem.headers = {"Allow": f"HEAD, {(error.headers or {})['allow']}"}
    return problem


def camel(name: str) -> str:
    """Convert a name to its spelling on the wire: `zone_id` to `zoneId`."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
