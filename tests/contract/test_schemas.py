"""The checked-in schemas match the code, are complete, and can be validated against."""

import re
from typing import Annotated, Any

import msgspec
import pytest
from contracts.codec import RELEASED, type_name
from contracts.message import Message
from jsonschema import Draft202012Validator
from msgspec import Meta, Struct

from tests.contract.compatibility import SCHEMAS, documents
from tests.contract.release import contract_files
from tests.contract.schemas import schemas

TYPE = re.compile(r"[a-z]+\.[a-z]+\.v[1-9][0-9]*")


def test_the_checked_in_schemas_and_samples_match_the_code() -> None:
    assert documents() == contract_files(), "python -m tests.contract.release writes them"


@pytest.mark.parametrize("version", RELEASED, ids=type_name)
def test_a_schema_is_named_for_its_type_and_needs_no_other(version: type[Message]) -> None:
    schema = msgspec.json.decode(documents()[f"{SCHEMAS}/{type_name(version)}.json"])

    Draft202012Validator.check_schema(schema)
    assert TYPE.fullmatch(type_name(version))
    assert schema["properties"]["type"] == {"enum": [type_name(version)]}
    assert "$ref" not in str(schema)


@pytest.mark.parametrize("version", RELEASED, ids=type_name)
def test_the_attributes_that_cloudevents_requires_are_required(version: type[Message]) -> None:
    assert {"specversion", "id", "source", "type"} <= set(schemas()[type_name(version)]["required"])


def test_no_two_versions_have_the_same_type() -> None:
    assert len({type_name(version) for version in RELEASED}) == len(RELEASED)


def test_a_renamed_struct_keeps_its_schema() -> None:
    class Coat(Struct, frozen=True):
        """A layer."""

        title: str

    class CoatV1(Struct, frozen=True):
        """A layer."""

        title: str

    class Painted(Message, frozen=True, kw_only=True, tag="seat.painted.v1"):
        """Fresh."""

        data: Annotated[list[Coat], Meta(min_length=1)]

    class PaintedV1(Message, frozen=True, kw_only=True, tag="seat.painted.v1"):
        """Fresh."""

        data: Annotated[list[CoatV1], Meta(min_length=1)]

    before, after = schemas([Painted])["seat.painted.v1"], schemas([PaintedV1])["seat.painted.v1"]

    assert before == after
    assert before["properties"]["data"]["items"]["properties"] == {"title": {"type": "string"}}


@pytest.mark.parametrize("version", RELEASED, ids=type_name)
def test_every_pattern_refuses_a_final_line_feed(version: type[Message]) -> None:
    for pattern in patterns(schemas()[type_name(version)]):
        assert pattern.endswith(r"$(?!\n)"), pattern


def patterns(value: Any) -> set[str]:
    match value:
        case {"pattern": str(pattern)}:
            return {pattern}
        case dict():
            return {pattern for inner in value.values() for pattern in patterns(inner)}
        case list():
            return {pattern for inner in value for pattern in patterns(inner)}
    return set()
