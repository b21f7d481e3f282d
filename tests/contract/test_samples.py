"""The sample of every released version is still valid, decodes, and would be encoded the same."""

import json
from typing import Any

import msgspec
import pytest
from contracts.codec import RELEASED, AnyMessage, decode, encode, type_name, with_position
from contracts.message import Message
from contracts.position import Position
from contracts.timestamp import decode_timestamp
from jsonschema import Draft202012Validator, FormatChecker, ValidationError

from tests.contract.compatibility import SAMPLES, SCHEMAS, documents

FORMATS = FormatChecker(formats=["date", "uuid"])
FORMATS.checks("date-time", raises=ValueError)(lambda text: bool(decode_timestamp(text)))


def test_every_released_version_has_its_sample() -> None:
    assert {path for path in documents() if path.startswith(SAMPLES)} == {
        f"{SAMPLES}/{type_name(version)}.json" for version in RELEASED
    }


@pytest.mark.parametrize("version", RELEASED, ids=type_name)
def test_a_sample_is_valid_against_its_schema(version: type[Message]) -> None:
    validator(version).validate(json.loads(as_sent(version)))


@pytest.mark.parametrize("version", RELEASED, ids=type_name)
def test_a_sample_is_decoded_to_the_newest_version(version: type[Message]) -> None:
    message = decode(as_sent(version))

    assert isinstance(message, AnyMessage)
    assert kind(type(message)) == kind(version)


@pytest.mark.parametrize("version", RELEASED, ids=type_name)
def test_a_decoded_sample_is_encoded_to_the_same_bytes(version: type[Message]) -> None:
    raw = as_sent(version)
    message = msgspec.json.decode(raw, type=version)
    encoded = encode(message)
    if message.position is not None:
        unpublished = msgspec.structs.replace(message, position=None, generation=None)
        encoded = with_position(encode(unpublished), Position.parse(message.position), message.generation)

    assert encoded == raw


@pytest.mark.parametrize("version", RELEASED, ids=type_name)
def test_every_format_that_a_schema_names_is_checked(version: type[Message]) -> None:
    assert formats(schema(version)) <= FORMATS.checkers.keys()


@pytest.mark.parametrize(
    "moment", ["2029-02-30T10:00:00.000000Z", "2029-11-22T10:00:00Z", "2029-11-22T10:00:00.000000Z\n"]
)
def test_a_sample_with_a_malformed_time_would_be_invalid(moment: str) -> None:
    version = RELEASED[0]
    message = json.loads(as_sent(version)) | {"time": moment}

    with pytest.raises(ValidationError, match="2029"):
        validator(version).validate(message)


def as_sent(version: type[Message]) -> bytes:
    """Return the sample's bytes without the indentation of its file."""
    return msgspec.json.format(documents()[f"{SAMPLES}/{type_name(version)}.json"], indent=-1)


def schema(version: type[Message]) -> Any:
    return json.loads(documents()[f"{SCHEMAS}/{type_name(version)}.json"])


def validator(version: type[Message]) -> Draft202012Validator:
    return Draft202012Validator(schema(version), format_checker=FORMATS)


def kind(version: type[Message]) -> str:
    return type_name(version).rpartition(".")[0]


def formats(value: Any) -> set[str]:
    match value:
        case dict():
            own = {value["format"]} if isinstance(value.get("format"), str) else set()
            return own.union(*(formats(inner) for inner in value.values()))
        case list():
            return set().union(*(formats(inner) for inner in value))
    return set()
