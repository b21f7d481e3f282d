"""The OpenAPI page: examples, problems, and the Consistency-Token that every query accepts."""

from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import Response, Router
from litestar.exceptions import NotFoundException
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.plugins import SwaggerRenderPlugin
from litestar.openapi.spec import (
    Example,
    OpenAPIHeader,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Parameter,
    Schema,
    Tag,
)
from litestar.static_files import create_static_files_router
from litestar.status_codes import HTTP_404_NOT_FOUND
from msgspec import Struct
from swagger_ui_bundle import swagger_ui_path  # type: ignore[import-untyped]

from query.answers import encode
from query.database import Overloaded, ReadModelUnavailable
from query.freshness import HEADER, InvalidConsistencyToken, ProjectionLagging
from query.problems import KINDS, MEDIA_TYPE, Kind, ProblemDetails

PATH = "/docs/query"
ASSETS_PATH = f"{PATH}/assets"

DESCRIPTION = """
Read tickets, revenue, venues, events and seat maps.

**Errors** are `application/problem+json` (RFC 9457). The `type` names the kind of problem.

**Retries.** A 503 is temporary: retry after the seconds in `Retry-After`.

**Consistency.** Queries may lag behind commands. Send a command's `Consistency-Token` with a query to see that
command's effect.
"""

TAGS = [
    Tag("Tickets", "Read sold tickets, count them, and add up their revenue."),
    Tag("Catalogue", "Read venues, events and seat maps."),
]

_EVERYWHERE = (InvalidConsistencyToken, ProjectionLagging, ReadModelUnavailable, Overloaded)
_TOKEN = Parameter(
    name=HEADER,
    param_in="header",
    required=False,
    schema=Schema(type=OpenAPIType.STRING, examples=["0:1-0"]),
    description="The `Consistency-Token` of a command's answer; separate several by commas. The query waits "
    "until the read model has reached it; after 2 s it answers `projection-lagging`.",
)
_RETRY_AFTER = OpenAPIHeader(schema=Schema(type=OpenAPIType.INTEGER), description="Seconds until the next try.")


@dataclass
class Query(Operation):
    """An operation with a Consistency-Token, and a Retry-After with each 503.

    The token is read before any handler, so no handler's signature has it.
    """

    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or []), _TOKEN]
        unavailable = (self.responses or {}).get("503")
        if isinstance(unavailable, OpenAPIResponse):
            unavailable.headers = {"Retry-After": _RETRY_AFTER}


def openapi() -> OpenAPIConfig:
    """Configure the page and its openapi.json; the page loads nothing from other servers."""
    return OpenAPIConfig(
        title="Ticketing: queries",
        version="1",
        description=DESCRIPTION.strip(),
        tags=TAGS,
        use_handler_docstrings=True,
        openapi_router=Router(PATH, route_handlers=[], include_in_schema=False, after_request=refuse_page_not_found),
        render_plugins=[
            SwaggerRenderPlugin(
                path="/",
                favicon="",
                js_url=f"{ASSETS_PATH}/swagger-ui-bundle.js",
                css_url=f"{ASSETS_PATH}/swagger-ui.css",
                standalone_preset_js_url=f"{ASSETS_PATH}/swagger-ui-standalone-preset.js",
            )
        ],
    )


def assets() -> Router:
    """Serve the page's scripts and styles."""
    return create_static_files_router(ASSETS_PATH, directories=[swagger_ui_path], include_in_schema=False)


async def refuse_page_not_found(response: Response[Any]) -> Response[Any]:
    """Raise NotFoundException for unknown pages beside this one.

    The framework would answer them in HTML; so they become a problem like any other.
    """
    if response.status_code == HTTP_404_NOT_FOUND:
        raise NotFoundException
    return response


def declare(example: Struct, *errors: type[Exception]) -> dict[int, ResponseSpec]:
    """Declare the responses: `example`, the problems of `errors`, and those of every query."""
    answer = ResponseSpec(
        data_container=type(example),
        generate_examples=False,
        description=(type(example).__doc__ or "").strip(),
        examples=[Example(summary="Example", value=msgspec.json.decode(encode(example)))],
    )
    by_status: dict[int, list[Kind]] = {}
    for error in (*errors, *_EVERYWHERE):
        by_status.setdefault(KINDS[error].status, []).append(KINDS[error])
    return {200: answer, **{status: _declare_problems(kinds) for status, kinds in by_status.items()}}


def _declare_problems(kinds: list[Kind]) -> ResponseSpec:
    return ResponseSpec(
        data_container=ProblemDetails,
        generate_examples=False,
        media_type=MEDIA_TYPE,
        description=", ".join(f"`{kind.slug}`" for kind in kinds),
        examples=[Example(summary=kind.slug, value=_example(kind)) for kind in kinds],
    )


def _example(kind: Kind) -> dict[str, object]:
    return {"type": kind.type, "title": kind.title, "status": kind.status, "detail": kind.title, "instance": "/api/v1"}
