"""Finds breaking changes between a released schema or sample and a proposed one.

Only a new optional property is not breaking. A narrower type refuses messages that were already
sent. A wider one is refused by consumers that still run the previous release, for example after a
rollback. Both need a new version.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tests.contract.schemas import Schema, inlined

_ANNOTATIONS = {"$schema", "$id", "$comment", "title", "description", "examples"}
_COMPARED_SEPARATELY = {"properties", "required", "items", "enum", "anyOf"}
_LOWER_BOUNDS = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}
_UPPER_BOUNDS = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}
_NOTHING = object()

_NARROWER = "messages already sent may be refused"
_WIDER = "readers of the released version refuse the new values"
_REASONS = {
    "additionalProperties": "optional fields that later releases add are treated differently",
    "default": "a message without it no longer means the same as when it was sent",
}


class Change(NamedTuple):
    """A breaking change, and its place in the message as a JSON path."""

    path: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.path} {self.sentence}"


def schema_changes(released: Schema, proposed: Schema) -> list[Change]:
    """List each breaking change, in the order of the released schema."""
    return list(_changes("$", inlined(released), inlined(proposed)))


def sample_changes(released: Any, proposed: Any, path: str = "$") -> list[Change]:
    """List each place where a released sample was changed; it may only gain members."""
    match released, proposed:
        case dict(), dict():
            removed = [Change(f"{path}.{name}", "is gone") for name in released if name not in proposed]
            kept = [name for name in released if name in proposed]
            return removed + [
                change for name in kept for change in sample_changes(released[name], proposed[name], f"{path}.{name}")
            ]
        case list(), list() if len(released) == len(proposed):
            pairs = enumerate(zip(released, proposed, strict=True))
            return [change for place, pair in pairs for change in sample_changes(*pair, f"{path}[{place}]")]
    if _text(released) == _text(proposed):
        return []
    return [Change(path, f"was {_text(released)} and is now {_text(proposed)}")]


def _changes(path: str, released: Schema, proposed: Schema) -> Iterator[Change]:
    if "anyOf" in released or "anyOf" in proposed:
        before, after = released.get("anyOf", [released]), proposed.get("anyOf", [proposed])
        if len(before) != len(after):
            yield Change(path, f"was {_kinds(before)} and is now {_kinds(after)}: a value may be refused by either")
            return
        for one, other in zip(before, after, strict=True):
            yield from _changes(path, one, other)
    yield from _keyword_changes(path, released, proposed)
    yield from _enum_changes(path, released.get("enum"), proposed.get("enum"))
    yield from _property_changes(path, released, proposed)
    if "items" in released or "items" in proposed:
        yield from _changes(f"{path}[*]", released.get("items", {}), proposed.get("items", {}))


def _keyword_changes(path: str, released: Schema, proposed: Schema) -> Iterator[Change]:
    for keyword in sorted((released.keys() | proposed.keys()) - _ANNOTATIONS - _COMPARED_SEPARATELY):
        was, now = released.get(keyword, _NOTHING), proposed.get(keyword, _NOTHING)
        if _text(was) != _text(now):
            yield Change(path, f"{keyword} was {_text(was)} and is now {_text(now)}: {_reason(keyword, was, now)}")


def _reason(keyword: str, was: Any, now: Any) -> str:
    if keyword in _LOWER_BOUNDS:
        return _NARROWER if was is _NOTHING or (now is not _NOTHING and now > was) else _WIDER
    if keyword in _UPPER_BOUNDS:
        return _NARROWER if was is _NOTHING or (now is not _NOTHING and now < was) else _WIDER
    return _REASONS.get(keyword, "a value may be refused by either")


def _enum_changes(path: str, released: list[Any] | None, proposed: list[Any] | None) -> Iterator[Change]:
    if released is None and proposed is None:
        return
    if released is None:
        yield Change(path, f"may now only be one of {_text(proposed)}: {_NARROWER}")
    elif proposed is None:
        yield Change(path, f"need no longer be one of {_text(released)}: {_WIDER}")
    else:
        before, after = [_text(value) for value in released], [_text(value) for value in proposed]
        for value in before:
            if value not in after:
                yield Change(path, f"may no longer be {value}: {_NARROWER}")
        for value in after:
            if value not in before:
                yield Change(path, f"may now be {value}: {_WIDER}")


def _property_changes(path: str, released: Schema, proposed: Schema) -> Iterator[Change]:
    before, after = _properties(released), _properties(proposed)
    for name in [*before, *(name for name in after if name not in before)]:
        place = f"{path}.{name}"
        if name not in after:
            yield Change(place, "is gone: readers of the released version expect it")
            continue
        was_required, is_required = _is_required(name, released), _is_required(name, proposed)
        if name not in before:
            if is_required:
                yield Change(place, "is new and required: messages already sent lack it")
            elif released.get("additionalProperties") is False:
                yield Change(place, "is new: readers of the released version refuse unknown fields")
            continue
        if is_required and not was_required:
            yield Change(place, "was optional and is now required: messages already sent may lack it")
        if was_required and not is_required:
            yield Change(place, "was required and is now optional: readers of the released version refuse its absence")
        yield from _changes(place, before[name], after[name])


def _properties(schema: Schema) -> Mapping[str, Schema]:
    return {name: {} for name in schema.get("required", ())} | dict(schema.get("properties", {}))


def _is_required(name: str, schema: Schema) -> bool:
    return name in schema.get("required", ())


def _kinds(alternatives: list[Schema]) -> str:
    return " or ".join(str(alternative.get("type", _text(alternative))) for alternative in alternatives)


def _text(value: Any) -> str:
    return "nothing" if value is _NOTHING else json.dumps(value, sort_keys=True, ensure_ascii=False)
