"""Every breaking change is reported with its place; a new optional property breaks nothing."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.breaking import Change, sample_changes, schema_changes
from tests.contract.schemas import Schema, schemas

RELEASED: Schema = {
    "title": "seat.painted.v1",
    "type": "object",
    "properties": {
        "type": {"enum": ["seat.painted.v1"]},
        "data": {
            "type": "object",
            "properties": {
                "colour": {"enum": ["red", "blue"]},
                "coats": {"type": "integer", "minimum": 1, "maximum": 3},
                "painter": {"type": "string", "pattern": "^[a-z]+$", "minLength": 2, "maxLength": 40},
                "note": {"anyOf": [{"type": "string", "maxLength": 20}, {"type": "null"}], "default": None},
                "brushes": {"type": "array", "items": {"$ref": "#/$defs/Brush"}, "minItems": 1},
                "driedOn": {"type": "string", "format": "date-time"},
            },
            "required": ["colour", "coats", "painter", "brushes"],
        },
    },
    "required": ["type", "data"],
    "$defs": {"Brush": {"type": "object", "properties": {"width": {"type": "integer"}}, "required": ["width"]}},
}
TEXT = {"type": "string"}
GONE = object()

FORBIDDEN: dict[str, tuple[dict[str, Any], list[str]]] = {
    "an optional property is removed": (
        {"data.driedOn": GONE},
        ["$.data.driedOn is gone: readers"],
    ),
    "a required property is removed": (
        {"data.painter": GONE, "data/required": ["colour", "coats", "brushes"]},
        ["$.data.painter is gone: readers"],
    ),
    "a property is renamed": (
        {"data.driedOn": GONE, "data.dryOn": {"type": "string", "format": "date-time"}},
        ["$.data.driedOn is gone"],
    ),
    "a property at the top is removed": (
        {"data": GONE, "/required": ["type"]},
        ["$.data is gone"],
    ),
    "an optional property becomes required": (
        {"data/required": ["colour", "coats", "painter", "brushes", "driedOn"]},
        ["$.data.driedOn was optional and is now required"],
    ),
    "a new property is required": (
        {"data.price": TEXT, "data/required": ["colour", "coats", "painter", "brushes", "price"]},
        ["$.data.price is new and required"],
    ),
    "a new required property has no schema": (
        {"data/required": ["colour", "coats", "painter", "brushes", "price"]},
        ["$.data.price is new and required"],
    ),
    "a required property becomes optional": (
        {"data/required": ["colour", "coats", "brushes"]},
        ["$.data.painter was required and is now optional"],
    ),
    "nothing is required any more": (
        {"data/required": GONE},
        [f"$.data.{name} was required and is now optional" for name in ("colour", "coats", "painter", "brushes")],
    ),
    "unknown fields are refused": (
        {"data/additionalProperties": False},
        ["$.data additionalProperties was nothing and is now false"],
    ),
    "the tag changes": (
        {"type/enum": ["seat.coloured.v1"]},
        ['$.type may no longer be "seat.painted.v1"', '$.type may now be "seat.coloured.v1"'],
    ),
    "a type changes": (
        {"data.coats/type": "number"},
        ['$.data.coats type was "integer" and is now "number"'],
    ),
    "a type is removed": (
        {"data.coats/type": GONE},
        ['$.data.coats type was "integer" and is now nothing'],
    ),
    "an enum is narrowed": (
        {"data.colour/enum": ["red"]},
        ['$.data.colour may no longer be "blue": messages already sent'],
    ),
    "an enum is widened": (
        {"data.colour/enum": ["red", "green", "blue"]},
        ['$.data.colour may now be "green": readers of the released version'],
    ),
    "an enum appears": (
        {"data.coats/enum": [1, 2]},
        ["$.data.coats may now only be one of [1, 2]: messages already sent"],
    ),
    "an enum is removed": (
        {"data.colour/enum": GONE},
        ['$.data.colour need no longer be one of ["red", "blue"]: readers of the released version'],
    ),
    "an enum's value changes its type": (
        {"type/enum": [True]},
        ['$.type may no longer be "seat.painted.v1"', "$.type may now be true"],
    ),
    "a constant appears": (
        {"data.coats/const": 2},
        ["$.data.coats const was nothing and is now 2"],
    ),
    "a lower bound is raised": (
        {"data.coats/minimum": 2},
        ["$.data.coats minimum was 1 and is now 2: messages already sent"],
    ),
    "a lower bound is lowered": (
        {"data.coats/minimum": 0},
        ["$.data.coats minimum was 1 and is now 0: readers of the released version"],
    ),
    "a lower bound is removed": (
        {"data.painter/minLength": GONE},
        ["$.data.painter minLength was 2 and is now nothing: readers of the released version"],
    ),
    "an upper bound is lowered": (
        {"data.painter/maxLength": 39},
        ["$.data.painter maxLength was 40 and is now 39: messages already sent"],
    ),
    "an upper bound is raised": (
        {"data.coats/maximum": 4},
        ["$.data.coats maximum was 3 and is now 4: readers of the released version"],
    ),
    "a bound appears": (
        {"data.brushes/maxItems": 9},
        ["$.data.brushes maxItems was nothing and is now 9: messages already sent"],
    ),
    "a pattern changes": (
        {"data.painter/pattern": "^[a-y]+$"},
        ['$.data.painter pattern was "^[a-z]+$" and is now "^[a-y]+$"'],
    ),
    "a format changes": (
        {"data.driedOn/format": "date"},
        ['$.data.driedOn format was "date-time" and is now "date"'],
    ),
    "a default changes": (
        {"data.note/default": "none"},
        ['$.data.note default was null and is now "none": a message without it'],
    ),
    "null is no longer allowed": (
        {"data.note": {"type": "string", "maxLength": 20, "default": None}},
        ["$.data.note was string or null and is now string"],
    ),
    "null becomes allowed": (
        {"data.driedOn": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}},
        ["$.data.driedOn was string and is now string or null"],
    ),
    "one of several alternatives changes": (
        {"data.note/anyOf": [{"type": "string", "maxLength": 10}, {"type": "null"}]},
        ["$.data.note maxLength was 20 and is now 10"],
    ),
    "an array's items change": (
        {"data.brushes/items": TEXT},
        ["$.data.brushes[*].width is gone", '$.data.brushes[*] type was "object" and is now "string"'],
    ),
    "an array's items are removed": (
        {"data.brushes/items": GONE},
        ["$.data.brushes[*].width is gone", '$.data.brushes[*] type was "object" and is now nothing'],
    ),
    "a definition changes": (
        {"/$defs": {"Brush": {"type": "object", "properties": {"width": {"type": "number"}}, "required": ["width"]}}},
        ['$.data.brushes[*].width type was "integer" and is now "number"'],
    ),
    "an unlisted keyword appears": (
        {"data.coats/multipleOf": 2},
        ["$.data.coats multipleOf was nothing and is now 2"],
    ),
}

ALLOWED: dict[str, dict[str, Any]] = {
    "nothing": {},
    "a new optional property": {"data.price": TEXT},
    "a new optional property at the top": {"tracestate": {"anyOf": [TEXT, {"type": "null"}], "default": None}},
    "another title or description": {
        "/title": "SeatPainted",
        "/description": "A seat.",
        "data.coats/description": "How many.",
    },
    "another order": {"data.colour/enum": ["blue", "red"], "data/required": ["brushes", "painter", "coats", "colour"]},
    "a definition by another name": {
        "data.brushes/items": {"$ref": "#/$defs/BrushV1"},
        "/$defs": {"BrushV1": RELEASED["$defs"]["Brush"]},
    },
    "a definition written out": {"data.brushes/items": RELEASED["$defs"]["Brush"], "/$defs": GONE},
}


@pytest.mark.parametrize(("edits", "expected"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_a_breaking_change_is_reported_with_its_place(edits: dict[str, Any], expected: list[str]) -> None:
    named = [str(change) for change in schema_changes(RELEASED, edited(edits))]

    assert len(named) == len(expected), named
    for beginning in expected:
        assert any(sentence.startswith(beginning) for sentence in named), named


@pytest.mark.parametrize("edits", ALLOWED.values(), ids=ALLOWED)
def test_an_allowed_change_is_not_reported(edits: dict[str, Any]) -> None:
    assert schema_changes(RELEASED, edited(edits)) == []


def test_a_new_optional_property_is_reported_where_unknown_fields_were_refused() -> None:
    closed = edited({"data/additionalProperties": False})
    opened = edited({"data/additionalProperties": False, "data.price": TEXT})

    assert [change.path for change in schema_changes(closed, opened)] == ["$.data.price"]


@pytest.mark.parametrize("name", schemas())
def test_every_lost_or_new_keyword_of_a_released_schema_is_reported(name: str) -> None:
    released = schemas()[name]

    for place, keyword in keywords(released):
        assert schema_changes(released, without(released, place, keyword)), (place, keyword)
        assert schema_changes(without(released, place, keyword), released), (place, keyword)


def test_a_sample_may_gain_members_and_nothing_else() -> None:
    released = {"id": "1", "data": {"zones": [{"zoneId": 1}], "revision": 1}}

    gained = {"id": "1", "data": {"zones": [{"zoneId": 1, "name": None}], "revision": 1, "note": "new"}}
    assert sample_changes(released, gained) == []
    assert sample_changes(released, {"id": "1"}) == [Change("$.data", "is gone")]
    assert sample_changes(released, {"id": "2", "data": {"zones": [{"zoneId": 2}], "revision": True}}) == [
        Change("$.id", 'was "1" and is now "2"'),
        Change("$.data.zones[0].zoneId", "was 1 and is now 2"),
        Change("$.data.revision", "was 1 and is now true"),
    ]
    assert sample_changes(released, {"id": "1", "data": {"zones": [], "revision": 1}}) == [
        Change("$.data.zones", 'was [{"zoneId": 1}] and is now []')
    ]


def edited(edits: dict[str, Any]) -> Schema:
    """Change `RELEASED` at some places.

    `data.note` is a property's schema, `data.note/default` a keyword in it, `/title` a keyword at
    the top.
    """
    schema = copy.deepcopy(RELEASED)
    for place, value in edits.items():
        path, _, keyword = place.partition("/")
        names = [step for name in path.split(".") if name for step in ("properties", name)]
        *parents, last = [*names, keyword] if keyword else names
        at = schema
        for step in parents:
            at = at[step]
        at[last] = copy.deepcopy(value)
        if value is GONE:
            del at[last]
    return schema


def keywords(schema: Schema, place: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield each keyword of the schema that is not an annotation, and its place."""
    yield from ((place, keyword) for keyword in schema if keyword not in {"$schema", "title", "description"})
    for name, inner in schema.get("properties", {}).items():
        yield from keywords(inner, (*place, "properties", name))
    for number, inner in enumerate(schema.get("anyOf", ())):
        yield from keywords(inner, (*place, "anyOf", number))
    if "items" in schema:
        yield from keywords(schema["items"], (*place, "items"))


def without(schema: Schema, place: tuple[str | int, ...], keyword: str) -> Schema:
    changed = copy.deepcopy(schema)
    at: Any = changed
    for step in place:
        at = at[step]
    del at[keyword]
    return changed
