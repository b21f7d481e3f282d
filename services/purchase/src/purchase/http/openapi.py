"""What the OpenAPI page says beyond the handlers' own words: bodies, headers, examples and problems."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import cleandoc
from typing import Annotated, Any

import msgspec
from litestar import Response, Router
from litestar.exceptions import NotFoundException
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.plugins import SwaggerRenderPlugin
from litestar.openapi.spec import (
    Components,
    Example,
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    Parameter,
    RequestBody,
    Schema,
    SecurityScheme,
)
from litestar.params import PathParameter
from litestar.static_files import create_static_files_router
from litestar.status_codes import HTTP_404_NOT_FOUND
from msgspec import Struct
from swagger_ui_bundle import swagger_ui_path  # type: ignore[import-untyped]

from purchase.http.problems import (
    KINDS,
    MEDIA_TYPE,
    TOO_LARGE,
    Kind,
    ProblemDetails,
)
from purchase.refusals import InvalidRequest, PaymentDeclined, PaymentRequired, UnsupportedMediaType
from purchase.store.connection import OutcomeUnknown, Overloaded, Recovering

PATH = "/docs/purchase"
ASSETS_PATH = f"{PATH}/assets"

EVERYWHERE = (InvalidRequest, Recovering, Overloaded, OutcomeUnknown)
"""Problems that every command may meet."""

_FACTS: Mapping[Kind, dict[str, Any]] = {
    KINDS[PaymentRequired]: {"code": "card_declined"},
    KINDS[PaymentDeclined]: {"code": "insufficient_funds"},
}
"""What some problems say beyond what all do."""

NO_OTHER: Mapping[type[Struct], dict[str, Any]] = {}

HoldId = Annotated[
    str,
    PathParameter(name="holdId", description="A UUID, which nobody else should know.", schema_extra={"format": "uuid"}),
]
IDEMPOTENCY_KEY = Parameter(
    name="Idempotency-Key",
    param_in="header",
    schema=Schema(type=OpenAPIType.STRING, min_length=1, max_length=255, pattern="^[!-~]+$"),
    description="The same key with the same body within 24 hours gives the same answer. Use a random one.",
)
RECEIPT = Parameter(
    name="Receipt",
    param_in="header",
    schema=Schema(type=OpenAPIType.STRING),
    description="What came with the purchase; whoever holds it may undo it.",
)

STRIPE_SIGNATURE = Parameter(
    name="Stripe-Signature",
    param_in="header",
    schema=Schema(type=OpenAPIType.STRING),
    required=True,
    description='`t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`, with a secret that both sides know.',
)


def openapi() -> OpenAPIConfig:
    """The page, and the schema beside it as openapi.json; nothing on it comes from another server."""
    return OpenAPIConfig(
        title="Ticketing: commands",
        version="1",
        description="Buys, holds and undoes, and defines what is on sale. Every error is `application/problem+json`. "
        "Whatever a command changed, a query reads that sends back its `Consistency-Token`.",
        use_handler_docstrings=True,
        components=Components(
            security_schemes={"admin": SecurityScheme(type="http", scheme="bearer", description="An admin token.")},
        ),
        openapi_router=Router(PATH, route_handlers=[], include_in_schema=False, after_request=_refuse_page_not_found),
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


def takes(
    body: type[Struct] | None,
    example: dict[str, Any] | None = None,
    headers: Sequence[Parameter] = (),
    *,
    or_else: Mapping[type[Struct], dict[str, Any]] = NO_OTHER,
    required: bool = True,
) -> type[Operation]:
    """An operation with this body, or one of the others, and these headers.

    Handlers read both by hand, so no signature names them.
    """
    bodies = {body: example, **or_else} if body else {}

    @dataclass
    class Command(Operation):
        def __post_init__(self) -> None:
            self.parameters = [*(self.parameters or []), *headers]
            if bodies:
                schemas = [_schema(kind) for kind in bodies]
                media_type = OpenAPIMediaType(
                    schema=schemas[0] if len(schemas) == 1 else Schema(one_of=schemas),
                    examples={_public_name(kind.__name__): Example(value=value) for kind, value in bodies.items()},
                )
                self.request_body = RequestBody(content={"application/json": media_type}, required=required)

    return Command


def declare(
    answers: dict[int, Struct | None], *errors: type[Exception], with_body: bool = True, more: Sequence[Kind] = ()
) -> dict[int, ResponseSpec]:
    """Answers by status, like these examples or empty; or one of these problems, or one that every command may meet."""
    kinds = [*(KINDS[error] for error in (*errors, *EVERYWHERE)), *more]
    if with_body:
        kinds += [KINDS[UnsupportedMediaType], TOO_LARGE]
    by_status: dict[int, list[Kind]] = {}
    for kind in kinds:
        by_status.setdefault(kind.status, []).append(kind)
    told = {status: _declare_answer(example) for status, example in answers.items()}
    return {**told, **{status: _declare_problems(kinds) for status, kinds in by_status.items()}}


def _declare_answer(example: Struct | None) -> ResponseSpec:
    if example is None:
        return ResponseSpec(data_container=None, generate_examples=False, description="Done; there is no more to tell.")
    return ResponseSpec(
        data_container=type(example),
        generate_examples=False,
        description=cleandoc(type(example).__doc__ or ""),
        examples=[Example(summary="For example", value=msgspec.to_builtins(example))],
    )


def _declare_problems(kinds: list[Kind]) -> ResponseSpec:
    return ResponseSpec(
        data_container=ProblemDetails,
        generate_examples=False,
        media_type=MEDIA_TYPE,
        description=", ".join(dict.fromkeys(f"`{kind.slug}`" for kind in kinds)),
        examples=[Example(summary=kind.slug, value=_example(kind)) for kind in kinds],
    )


def _example(kind: Kind) -> dict[str, object]:
    told = {"type": kind.type, "title": kind.title, "status": kind.status, "detail": kind.title, "instance": "/api/v1"}
    return {**told, **_FACTS.get(kind, {})}


def _schema(body: type[Struct]) -> Any:
    """Return its JSON Schema with every part written out: the framework keeps only components of its own."""
    [whole], parts = msgspec.json.schema_components([body], ref_template="{name}")

    def write_out(node: Any, key: str = "") -> Any:
        if isinstance(node, list):
            return [write_out(item) for item in node]
        if isinstance(node, dict):
            return write_out(parts[node["$ref"]]) if "$ref" in node else {k: write_out(v, k) for k, v in node.items()}
        return _public_name(node) if key == "title" else node

    return write_out(whole)


def _public_name(body: str) -> str:
    return body.removesuffix("Body")


async def _refuse_page_not_found(response: Response[Any]) -> Response[Any]:
    """The framework answers unknown pages beside this one in HTML; here they are a problem like any other."""
    if response.status_code == HTTP_404_NOT_FOUND:
        raise NotFoundException
    return response
