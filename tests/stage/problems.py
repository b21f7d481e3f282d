"""What every problem has in common, whatever it was."""

from typing import Any

import httpx


def assert_problem(answer: httpx.Response, status: int, slug: str, **facts: Any) -> None:
    """The answer is this problem, complete by RFC 9457, and tells these facts; Retry-After comes with a 503 only."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    told = answer.json()
    assert (answer.status_code, told["type"]) == (status, f"/problems/{slug}"), answer.text
    assert told["status"] == status
    assert told["title"]
    assert told["detail"]
    assert told["instance"] == answer.request.url.raw_path.decode()
    assert {name: told.get(name) for name in facts} == facts
    assert ("retry-after" in answer.headers) == (status == 503)
    assert "consistency-token" not in answer.headers
