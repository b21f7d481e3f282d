"""The AsyncAPI document matches the code and the released files, and is valid."""

import json
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from contracts.codec import RELEASED, type_name
from jsonschema import Draft7Validator

from tests.contract.asyncapi.document import VERSION
from tests.contract.compatibility import ROOT, SAMPLES, SCHEMAS, documents
from tests.contract.release import DOCUMENT, asyncapi_files

SPECIFICATION = Path(__file__).parent / "asyncapi/specification" / f"{VERSION}.json"


def test_the_checked_in_document_and_page_match_the_code() -> None:
    on_disk = {path: (ROOT / path).read_bytes() for path in asyncapi_files()}

    assert on_disk == asyncapi_files(), "python -m tests.contract.release writes them"


def test_the_document_is_valid_against_asyncapis_own_schema() -> None:
    assert [error.message for error in specification().iter_errors(checked_in())] == []


@pytest.mark.parametrize("part", ["servers", "channels", "operations"])
def test_a_part_that_asyncapi_does_not_know_would_be_invalid(part: str) -> None:
    broken = deepcopy(checked_in())
    next(iter(broken[part].values()))["colour"] = "red"

    assert not specification().is_valid(broken)


def test_every_reference_has_a_target() -> None:
    whole = checked_in()
    for reference in references(whole):
        place = whole
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_every_operation_is_on_a_channel_that_carries_its_batches() -> None:
    whole = checked_in()
    for operation in whole["operations"].values():
        (message,) = operation["messages"]
        assert message["$ref"].startswith(f"{operation['channel']['$ref']}/messages/")


def test_the_document_contains_every_released_schema() -> None:
    schemas = checked_in()["components"]["schemas"]

    assert list(schemas) == [type_name(version) for version in RELEASED]
    for name, schema in schemas.items():
        assert schema == {key: value for key, value in released(SCHEMAS, name).items() if key != "$schema"}


def test_every_version_is_sent_in_one_kind_of_batch_and_its_sample_is_an_example() -> None:
    names = {type_name(version) for version in RELEASED}
    batches = checked_in()["components"]["messages"].values()
    carried = Counter(
        item["$ref"].rpartition("/")[2] for batch in batches for item in batch["payload"]["items"]["oneOf"]
    )
    examples = {example["name"]: example["payload"] for batch in batches for example in batch["examples"]}

    assert carried == Counter(names)
    assert examples == {name: [released(SAMPLES, name)] for name in names}


def test_every_example_is_valid_against_the_schema_of_its_batch() -> None:
    whole = checked_in()
    for batch in whole["components"]["messages"].values():
        validator = Draft7Validator({**batch["payload"], "components": whole["components"]})
        for example in batch["examples"]:
            validator.validate(example["payload"])


def checked_in() -> Any:
    return json.loads((ROOT / DOCUMENT).read_bytes())


def released(folder: str, name: str) -> Any:
    return json.loads(documents()[f"{folder}/{name}.json"])


def specification() -> Draft7Validator:
    return Draft7Validator(json.loads(SPECIFICATION.read_bytes()))


def references(value: Any) -> Iterator[str]:
    match value:
        case {"$ref": str(reference)}:
            yield reference
        case dict():
            for inner in value.values():
                yield from references(inner)
        case list():
            for inner in value:
                yield from references(inner)
