"""The OpenAPI page: bodies, headers, examples and problems that no handler's signature declares."""

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
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Parameter,
    RequestBody,
    Schema,
    SecurityScheme,
    Tag,
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

DESCRIPTION = """
Buy and cancel tickets, hold seats, pay for them, and define what is on sale.

**Errors** are `application/problem+json` (RFC 9457). The `type` names the kind of problem.

**Retries.** A 503 is temporary: retry after the seconds in `Retry-After`. After a 504 the outcome is unknown: retry
with the same `Idempotency-Key`. PUT and DELETE are idempotent and need none.

**Consistency.** Queries may lag behind commands. Send a command's `Consistency-Token` with a query to see that
command's effect.
"""

TAGS = [
    Tag("Tickets", "Buy a ticket in one call, and cancel tickets."),
    Tag("Catalogue", "Define venues and events. These calls need an admin token."),
    Tag("Holds", "Keep seats for a customer who is about to pay."),
    Tag("Payments", "Pay for a hold and turn it into tickets."),
]

EVERYWHERE = (InvalidRequest, Recovering, Overloaded, OutcomeUnknown)
"""The errors that every call can answer with."""

_FACTS: Mapping[Kind, dict[str, Any]] = {
    KINDS[PaymentRequired]: {"code": "card_declined"},
    KINDS[PaymentDeclined]: {"code": "insufficient_funds"},
}
"""Members of some problems beyond those of all."""

NO_BODIES: Mapping[type[Struct], dict[str, Any]] = {}

_TEXT = Schema(type=OpenAPIType.STRING)

HoldId = Annotated[
    str,
    PathParameter(name="holdId", description="A UUID. Keep it secret.", schema_extra={"format": "uuid"}),
]
IDEMPOTENCY_KEY = Parameter(
    name="Idempotency-Key",
    param_in="header",
    schema=Schema(type=OpenAPIType.STRING, min_length=1, max_length=255, pattern="^[!-~]+$"),
    description="A random key that makes retries safe: for 24 hours the same key with the same body gives the same "
    "answer.",
)
RECEIPT = Parameter(
    name="Receipt",
    param_in="header",
    schema=_TEXT,
    description="The `receipt` of the ticket. Without it, send an admin token.",
)
STRIPE_SIGNATURE = Parameter(
    name="Stripe-Signature",
    param_in="header",
    schema=_TEXT,
    required=True,
    description='`t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`, signed with the shared secret.',
)

CONSISTENCY_TOKEN = {
    "Consistency-Token": OpenAPIHeader(
        schema=_TEXT, description="Send it with a query to see the effect of this command."
    )
}
LOCATION = {"Location": OpenAPIHeader(schema=_TEXT, description="The address of the new resource.")}
IDEMPOTENT_REPLAYED = {
    "Idempotent-Replayed": OpenAPIHeader(
        schema=_TEXT, description="`true` if this is the stored answer to an earlier call with the same key."
    )
}
RETRY_AFTER = {
    "Retry-After": OpenAPIHeader(schema=Schema(type=OpenAPIType.INTEGER), description="Seconds until the next try.")
}


def openapi() -> OpenAPIConfig:
    """Configure the page and its openapi.json; the page loads nothing from other servers."""
    return OpenAPIConfig(
        title="Ticketing: commands",
        version="1",
        description=DESCRIPTION.strip(),
        tags=TAGS,
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
    """Serve the page's scripts and styles."""
    return create_static_files_router(ASSETS_PATH, directories=[swagger_ui_path], include_in_schema=False)


def declare_request(
    body: type[Struct] | None = None,
    example: dict[str, Any] | None = None,
    headers: Sequence[Parameter] = (),
    *,
    other_bodies: Mapping[type[Struct], dict[str, Any]] = NO_BODIES,
    required: bool = True,
    response_headers: Mapping[str, OpenAPIHeader] = CONSISTENCY_TOKEN,
) -> type[Operation]:
    """Make an operation with this body (or one of the others) and these headers.

    `response_headers` are the headers of its success.
    Handlers read bodies and headers by hand, so no signature names them.
    """
    bodies = {body: example, **other_bodies} if body else {}

    @dataclass
    class Command(Operation):
        def __post_init__(self) -> None:
            self.parameters = [*(self.parameters or []), *headers]
            if bodies:
                self.request_body = RequestBody(content={"application/json": _media_type(bodies)}, required=required)
            for status, response in (self.responses or {}).items():
                if isinstance(response, OpenAPIResponse):
                    response.headers = dict(_headers(status, response_headers)) or None

    return Command


def declare_responses(
    answers: dict[int, Struct | None], *errors: type[Exception], with_body: bool = True, others: Sequence[Kind] = ()
) -> dict[int, ResponseSpec]:
    """Declare the answers by status, each by an example or as empty, and the problems.

    The problems are those of `errors`, of every call, `others`, and `with_body` those of a body.
    """
    kinds = [*(KINDS[error] for error in (*errors, *EVERYWHERE)), *others]
    if with_body:
        kinds += [KINDS[UnsupportedMediaType], TOO_LARGE]
    by_status: dict[int, list[Kind]] = {}
    for kind in kinds:
        by_status.setdefault(kind.status, []).append(kind)
    declared = {status: _declare_answer(example) for status, example in answers.items()}
    return {**declared, **{status: _declare_problems(kinds) for status, kinds in by_status.items()}}


def _headers(status: str, of_success: Mapping[str, OpenAPIHeader]) -> Mapping[str, OpenAPIHeader]:
    if status.startswith("2"):
        return of_success
    return RETRY_AFTER if status == "503" else {}


def _declare_answer(example: Struct | None) -> ResponseSpec:
    if example is None:
        return ResponseSpec(data_container=None, generate_examples=False, description="Done; the answer has no body.")
    return ResponseSpec(
        data_container=type(example),
        generate_examples=False,
        description=cleandoc(type(example).__doc__ or ""),
        examples=[Example(summary="Example", value=msgspec.to_builtins(example))],
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
    members = {"type": kind.type, "title": kind.title, "status": kind.status, "detail": kind.detail}
    return {**members, "instance": "/api/v1", **_FACTS.get(kind, {})}


def _media_type(bodies: Mapping[type[Struct], dict[str, Any] | None]) -> OpenAPIMediaType:
    schemas = [_schema(body) for body in bodies]
    return OpenAPIMediaType(
        schema=schemas[0] if len(schemas) == 1 else Schema(one_of=schemas),
        examples={_public_name(body.__name__): Example(value=value) for body, value in bodies.items()},
    )


def _schema(body: type[Struct]) -> Any:
    """Return the JSON Schema of a body with every part inlined.

    The framework keeps only components that it made itself.
    """
    [whole], parts = msgspec.json.schema_components([body], ref_template="{name}")

    def inline(node: Any, key: str = "") -> Any:
        if isinstance(node, list):
            return [inline(item) for item in node]
        if isinstance(node, dict):
            return inline(parts[node["$ref"]]) if "$ref" in node else {k: inline(v, k) for k, v in node.items()}
        return _public_name(node) if key == "title" else node

    return inline(whole)


def _public_name(body: str) -> str:
    return body.removesuffix("Body")


async def _refuse_page_not_found(response: Response[Any]) -> Response[Any]:
    """Raise NotFoundException for unknown pages beside this one.

    The framework would answer them in HTML; so they become a problem like any other.
    """
    if response.status_code == HTTP_404_NOT_FOUND:
        raise NotFoundException
    return response
