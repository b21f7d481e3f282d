"""Assertions about the problem of RFC 9457 in an answer."""

from typing import Any

import httpx

STANDARD = {"type", "status", "title", "detail", "instance"}


def assert_problem(answer: httpx.Response, status: int, slug: str, **facts: Any) -> None:
    """Assert that the answer is this problem, with these facts (None: absent) among others.

    Only a 503 has the header Retry-After.
    """
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (status, f"/problems/{slug}"), answer.text
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert problem["instance"] == answer.request.url.raw_path.decode().partition("?")[0]
    assert {name: problem.get(name) for name in facts} == facts
    assert ("retry-after" in answer.headers) == (status == 503)
    assert "consistency-token" not in answer.headers


def assert_whole_problem(answer: httpx.Response, status: int, slug: str, **facts: Any) -> None:
    """Assert that the answer is this problem, with these facts and no others."""
    assert_problem(answer, status, slug, **facts)
    assert answer.json().keys() == STANDARD | facts.keys()
