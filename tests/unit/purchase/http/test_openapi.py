"""The API page describes every call, every field and every answer."""

from collections.abc import Iterator
from typing import Any

import pytest
from purchase.app import create_app
from purchase.settings import Settings

PAGE: dict[str, Any] = create_app(Settings.read({"PROFILE": "local"})).openapi_schema.to_schema()
CALLS = {call["operationId"]: call for path in PAGE["paths"].values() for call in path.values()}


def fields_of(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and the schema of every field in a schema, at any depth."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {}).items()
        for part in schema.values():
            yield from fields_of(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from fields_of(part)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_call_has_a_summary_a_description_and_a_tag(call: dict[str, Any]) -> None:
    assert call["summary"]
    assert call["description"]
    assert call["tags"]


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_every_answer_has_a_description_and_an_example(call: dict[str, Any]) -> None:
    for status, answer in call["responses"].items():
        assert "\n    " not in answer["description"]
        assert status == "204" or all(shown["examples"] for shown in answer["content"].values())
        assert status != "204" or "content" not in answer


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_every_parameter_and_field_of_a_call_has_a_description(call: dict[str, Any]) -> None:
    fields = [*fields_of(call.get("requestBody")), *((sent["name"], sent) for sent in call.get("parameters", []))]

    assert [name for name, field in fields if not field.get("description")] == []


def test_every_field_of_an_answer_has_a_description() -> None:
    fields = fields_of(PAGE["components"]["schemas"])

    assert [name for name, field in fields if not field.get("description")] == []
