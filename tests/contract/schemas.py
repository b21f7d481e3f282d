"""The JSON Schema of every released message, generated from its struct."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from contracts.codec import RELEASED, type_name
from contracts.message import Message

Schema = dict[str, Any]


def schemas(released: Iterable[type[Message]] = RELEASED) -> dict[str, Schema]:
    """Generate one self-contained schema for each type on the wire."""
    return {type_name(version): _schema(version) for version in released}


def inlined(schema: Schema) -> Schema:
    """Replace each `$ref` by its definition, so that definitions' names do not matter."""
    definitions = schema.get("$defs", {})
    resolved: Schema = _resolved(
        {keyword: value for keyword, value in schema.items() if keyword != "$defs"}, definitions
    )
    return resolved


def _schema(version: type[Message]) -> Schema:
    (reference,), definitions = msgspec.json.schema_components([version])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": type_name(version),
        **_as_sent(inlined({**reference, "$defs": definitions})),
    }


def _resolved(value: Any, definitions: Mapping[str, Schema]) -> Any:
    match value:
        case {"$ref": str(reference), **others}:
            return _resolved({**definitions[reference.removeprefix("#/$defs/")], **others}, definitions)
        case dict():
            return {keyword: _resolved(inner, definitions) for keyword, inner in value.items()}
        case list():
            return [_resolved(inner, definitions) for inner in value]
    return value


def _as_sent(value: Any) -> Any:
    """Require the constants, and drop the structs' names.

    A struct has defaults for its constants (`specversion`, `revision`), so msgspec takes them for
    optional; they are always sent. The struct of an older version is renamed, its schema must not
    change.
    """
    match value:
        case list():
            return [_as_sent(inner) for inner in value]
        case dict():
            sent = {keyword: _as_sent(inner) for keyword, inner in value.items() if not _is_title(keyword, inner)}
            if value.get("type") == "object":
                sent["required"] = _always_sent(value)
            return sent
    return value


def _is_title(keyword: str, value: Any) -> bool:
    return keyword == "title" and isinstance(value, str)  # the schema of a property called `title` is not a string


def _always_sent(promise: Schema) -> list[str]:
    required = promise.get("required", ())
    properties = promise.get("properties", {}).items()
    return [name for name, inner in properties if name in required or len(inner.get("enum", ())) == 1]
