"""The API's page tells a person enough to use every call."""

from typing import Any

import pytest
from purchase.app import create_app
from purchase.settings import Settings

PATHS: dict[str, Any] = create_app(Settings.read({"PROFILE": "local"})).openapi_schema.to_schema()["paths"]
CALLS = {call["operationId"]: call for path in PATHS.values() for call in path.values()}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_call_says_what_it_does_and_is_found_under_what_it_is_about(call: dict[str, Any]) -> None:
    assert call["summary"]
    assert call["description"]
    assert call["tags"]


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_every_answer_is_described_in_prose_and_shown_by_an_example(call: dict[str, Any]) -> None:
    for status, answer in call["responses"].items():
        assert "\n    " not in answer["description"]
        assert status == "204" or all(shown["examples"] for shown in answer["content"].values())
        assert status != "204" or "content" not in answer
