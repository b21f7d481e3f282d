"""What the OpenAPI page says beyond the handlers' own words: examples, problems, and the token every query takes."""

from dataclasses import dataclass

import msgspec
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example, OpenAPIType, Operation, Parameter, Schema
from msgspec import Struct

from query.answers import encode
from query.database import Overloaded, ReadModelUnavailable
from query.freshness import HEADER, InvalidConsistencyToken, ProjectionLagging
from query.problems import KINDS, MEDIA_TYPE, Kind, ProblemDetails

_ANYWHERE = (InvalidConsistencyToken, ProjectionLagging, ReadModelUnavailable, Overloaded)
_TOKEN = Parameter(
    name=HEADER,
    param_in="header",
    required=False,
    schema=Schema(type=OpenAPIType.STRING, examples=["17:1-42"]),
    description="What a command answered under this name; several are separated by commas. The query waits up to 2 s "
    "until the read model has got that far.",
)

OPENAPI = OpenAPIConfig(
    title="Ticketing: queries",
    version="1",
    description="What was sold, for how much, and what is still free. Every error is `application/problem+json`.",
    path="/docs/query",
)


@dataclass
class Query(Operation):
    """An operation that takes a Consistency-Token; the token is read before any handler, so no signature names it."""

    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or []), _TOKEN]


def declare(example: Struct, *errors: type[Exception]) -> dict[int, ResponseSpec]:
    """An answer like `example`, or one of these problems, or one that every query may meet."""
    answer = ResponseSpec(
        data_container=type(example),
        generate_examples=False,
        description=(type(example).__doc__ or "").strip(),
        examples=[Example(id="example", summary="For example", value=msgspec.json.decode(encode(example)))],
    )
    by_status: dict[int, list[Kind]] = {}
    for error in (*errors, *_ANYWHERE):
        by_status.setdefault(KINDS[error].status, []).append(KINDS[error])
    return {200: answer, **{status: _declare_problems(kinds) for status, kinds in by_status.items()}}


def _declare_problems(kinds: list[Kind]) -> ResponseSpec:
    return ResponseSpec(
        data_container=ProblemDetails,
        generate_examples=False,
        media_type=MEDIA_TYPE,
        description=", ".join(f"`{kind.slug}`" for kind in kinds),
        examples=[Example(id=kind.slug, summary=kind.title, value=_example(kind)) for kind in kinds],
    )


def _example(kind: Kind) -> dict[str, object]:
    return {"type": kind.type, "title": kind.title, "status": kind.status, "detail": kind.title, "instance": "/api/v1"}
