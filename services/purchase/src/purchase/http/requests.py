"""Reading requests strictly, so that each accepted request has exactly one meaning."""

import re
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from litestar import Request

from purchase.refusals import InvalidIdempotencyKey, InvalidRequest, UnsupportedMediaType
from purchase.store.idempotency import IdempotencyKey

IDENTIFIER = "^[A-Za-z0-9._~-]{1,64}$"
IDENTIFIER_SHAPE = "1 to 64 characters of `A-Z a-z 0-9 . _ ~ -`."

HttpRequest = Request[Any, Any, Any]

T = TypeVar("T")


async def read_body(request: HttpRequest, decoder: msgspec.json.Decoder[T]) -> T:
    """Decode the body. Raises UnsupportedMediaType, InvalidRequest.

    The body is read first: one that is too large is refused as such, whatever its media type.
    """
    body = await request.body()
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedMediaType("The body must be application/json.", contentType=media_type)
    return decode_body(body, decoder)


async def read_optional_body(request: HttpRequest, decoder: msgspec.json.Decoder[T]) -> T:
    """Decode the body; no body counts as an empty object.

    Raises UnsupportedMediaType, InvalidRequest.
    """
    return await read_body(request, decoder) if await request.body() else decode_body(b"{}", decoder)


def decode_body(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Decode a JSON text. Raises InvalidRequest, which names the field at fault."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise InvalidRequest(str(error), field=_field(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(f"The body is not JSON: {error}.", field="$") from None


async def read_fields(request: HttpRequest) -> set[str]:
    """Return the names of the body's fields; none if the body is not a JSON object."""
    try:
        return set(_fields_decoder.decode(await request.body()))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return set()


async def read_key(request: HttpRequest, call: str) -> IdempotencyKey | None:
    """Return the Idempotency-Key with its call and body, if there is one.

    Raises InvalidIdempotencyKey.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not _VISIBLE.fullmatch(key):
        raise InvalidIdempotencyKey("An Idempotency-Key has 1 to 255 visible ASCII characters.")
    digest = blake2b(f"{call} {key}".encode(), digest_size=16).hexdigest()
    return IdempotencyKey(digest, blake2b(await request.body(), digest_size=16).digest())


def read_identifier(text: str, field: str) -> str:
    """Return the id of a venue or an event in a path. Raises InvalidRequest."""
    if not _IDENTIFIER.fullmatch(text):
        raise InvalidRequest(f"{field} has {IDENTIFIER_SHAPE}", field=field)
    return text


def read_uuid(text: str, field: str) -> UUID:
    """Return the id of a ticket or a hold in a path. Raises InvalidRequest."""
    if not _UUID.fullmatch(text):
        raise InvalidRequest(f"{field} is not a UUID.", field=field)
    return UUID(text)


def read_bearer(request: HttpRequest) -> str | None:
    """Return the token of `Authorization: Bearer <token>`, if there is one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def read_trace(request: HttpRequest) -> str | None:
    """Return the W3C `traceparent` of the request; None if it is absent or malformed."""
    traceparent = request.headers.get("traceparent")
    return traceparent if traceparent and _TRACEPARENT.fullmatch(traceparent) else None


_fields_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])

_TRACEPARENT = re.compile("[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)
_VISIBLE = re.compile("[!-~]{1,255}", re.ASCII)
_IDENTIFIER = re.compile(IDENTIFIER, re.ASCII)
_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_AT_PATH = re.compile(r" - at `\$\.?(.*)`$")
_NAMED = re.compile(r"field `(.+?)`")


def _field(error: str) -> str:
    """Return the field that a msgspec error names, as a path such as `zones[0].rowCount`."""
    path = _AT_PATH.search(error)
    named = _NAMED.search(error)
    parts: Sequence[str] = [path[1] if path else "", named[1] if named else ""]
    return ".".join(part for part in parts if part) or "$"
