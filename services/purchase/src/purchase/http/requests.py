"""What callers send: read strictly, so that whatever passes means exactly one thing."""

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
IDENTIFIER_SHAPE = "1 to 64 characters of A-Z a-z 0-9 . _ ~ -"

T = TypeVar("T")


async def read_body(request: Request[Any, Any, Any], decoder: msgspec.json.Decoder[T]) -> T:
    """The body, decoded; one that is too large is told first. Raises UnsupportedMediaType, InvalidRequest."""
    body = await request.body()
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedMediaType("the body must be application/json", contentType=media_type)
    return decode_body(body, decoder)


def decode_body(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """A JSON text, decoded; what does not fit is named by its field. Raises InvalidRequest."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise InvalidRequest(str(error), field=_field(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(f"the body is not JSON: {error}", field="$") from None


async def read_fields(request: Request[Any, Any, Any]) -> set[str]:
    """Return the names of the body's fields; none if the body is not a JSON object."""
    try:
        return set(_fields_decoder.decode(await request.body()))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return set()


async def read_optional_body(request: Request[Any, Any, Any], decoder: msgspec.json.Decoder[T]) -> T:
    """The body, decoded; none is as good as an empty object. Raises UnsupportedMediaType, InvalidRequest."""
    return await read_body(request, decoder) if await request.body() else decode_body(b"{}", decoder)


async def read_key(request: Request[Any, Any, Any], call: str) -> IdempotencyKey | None:
    """The Idempotency-Key that came with this call and body, if one came. Raises InvalidIdempotencyKey."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not _VISIBLE.fullmatch(key):
        raise InvalidIdempotencyKey("an Idempotency-Key has 1 to 255 visible ASCII characters")
    digest = blake2b(f"{call} {key}".encode(), digest_size=16).hexdigest()
    return IdempotencyKey(digest, blake2b(await request.body(), digest_size=16).digest())


def read_identifier(text: str, field: str) -> str:
    """The id of a venue or an event in a path. Raises InvalidRequest."""
    if not _IDENTIFIER.fullmatch(text):
        raise InvalidRequest(f"{field} has {IDENTIFIER_SHAPE}", field=field)
    return text


def read_ticket_id(text: str) -> UUID:
    """The id of a ticket in a path. Raises InvalidRequest."""
    if not _UUID.fullmatch(text):
        raise InvalidRequest("ticketId is a UUID", field="ticketId")
    return UUID(text)


def read_hold_id(text: str) -> UUID:
    """The id of a hold in a path. Raises InvalidRequest."""
    if not _UUID.fullmatch(text):
        raise InvalidRequest("holdId is a UUID", field="holdId")
    return UUID(text)


def read_bearer(request: Request[Any, Any, Any]) -> str | None:
    """The token of `Authorization: Bearer <token>`, if there is one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def read_trace(request: Request[Any, Any, Any]) -> str | None:
    """The trace that the request is part of (W3C `traceparent`); one that is malformed is none."""
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
    """The field that msgspec complains of, as a path such as `zones[0].rowCount`."""
    path = _AT_PATH.search(error)
    named = _NAMED.search(error)
    parts: Sequence[str] = [path[1] if path else "", named[1] if named else ""]
    return ".".join(part for part in parts if part) or "$"
