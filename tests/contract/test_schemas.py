"""The checked-in schemas are what the code promises, and promise nothing that cannot be checked."""

import re
from typing import Annotated, Any

import msgspec
import pytest
from contracts.codec import RELEASED, type_name
from contracts.message import Message
from jsonschema import Draft202012Validator
from msgspec import Meta, Struct

from tests.contract.compatibility import SCHEMAS, documents
from tests.contract.release import promised
from tests.contract.schemas import schemas

TYPE = re.compile(r"[a-z]+\.[a-z]+\.v[1-9][0-9]*")


def test_the_checked_in_files_are_those_that_the_code_promises() -> None:
    assert documents() == promised(), "python -m tests.contract.release writes them"


@pytest.mark.parametrize("version", RELEASED, ids=type_name)
def test_a_schema_is_named_for_its_type_and_tells_all_of_it(version: type[Message]) -> None:
    schema = msgspec.json.decode(documents()[f"{SCHEMAS}/{type_name(version)}.json"])

    Draft202012Validator.check_schema(schema)
    assert TYPE.fullmatch(type_name(version))
    assert schema["properties"]["type"] == {"enum": [type_name(version)]}
    assert "$ref" not in str(schema)


@pytest.mark.parametrize("version", RELEASED, ids=type_name)
def test_what_cloudevents_requires_is_required(version: type[Message]) -> None:
    assert {"specversion", "id", "source", "type"} <= set(schemas()[type_name(version)]["required"])


def test_no_two_versions_have_the_same_type() -> None:
    assert len({type_name(version) for version in RELEASED}) == len(RELEASED)


def test_a_struct_that_is_renamed_and_moved_below_a_newer_one_keeps_its_schema() -> None:
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
def test_every_text_with_a_pattern_refuses_a_line_feed_behind_it(version: type[Message]) -> None:
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
