"""What the OpenAPI page says beyond the handlers' own words: examples, problems, and the token every query takes."""

from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import Response, Router
from litestar.exceptions import NotFoundException
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.plugins import SwaggerRenderPlugin
from litestar.openapi.spec import Example, OpenAPIType, Operation, Parameter, Schema
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

_ANYWHERE = (InvalidConsistencyToken, ProjectionLagging, ReadModelUnavailable, Overloaded)
_TOKEN = Parameter(
    name=HEADER,
    param_in="header",
    required=False,
    schema=Schema(type=OpenAPIType.STRING, examples=["0:1-0"]),
    description="What a command answered under this name; several are separated by commas. The query waits up to 2 s "
    "until the read model has got that far.",
)


@dataclass
class Query(Operation):
    """An operation that takes a Consistency-Token; the token is read before any handler, so no signature names it."""

    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or []), _TOKEN]


def openapi() -> OpenAPIConfig:
    """The page, and the schema beside it as openapi.json; nothing on it comes from another server."""
    return OpenAPIConfig(
        title="Ticketing: queries",
        version="1",
        description="What was sold, for how much, and what is still free. Every error is `application/problem+json`.",
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
    """The page's scripts and styles."""
    return create_static_files_router(ASSETS_PATH, directories=[swagger_ui_path], include_in_schema=False)


async def refuse_page_not_found(response: Response[Any]) -> Response[Any]:
    """The framework answers unknown pages beside this one in HTML; here they are a problem like any other."""
    if response.status_code == HTTP_404_NOT_FOUND:
        raise NotFoundException
    return response


def declare(example: Struct, *errors: type[Exception]) -> dict[int, ResponseSpec]:
    """An answer like `example`, or one of these problems, or one that every query may meet."""
    answer = ResponseSpec(
        data_container=type(example),
        generate_examples=False,
        description=(type(example).__doc__ or "").strip(),
        examples=[Example(summary="For example", value=msgspec.json.decode(encode(example)))],
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
        examples=[Example(summary=kind.slug, value=_example(kind)) for kind in kinds],
    )


def _example(kind: Kind) -> dict[str, object]:
    return {"type": kind.type, "title": kind.title, "status": kind.status, "detail": kind.title, "instance": "/api/v1"}
