"""What every problem has to say."""

from typing import Any

import httpx


def assert_problem(answer: httpx.Response, slug: str, status: int, **values: Any) -> None:
    """The answer is this problem, whole, and its values are these."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told.pop("type") == f"/problems/{slug}"
    assert told.pop("status") == status
    assert told.pop("title")
    assert told.pop("detail")
    assert told.pop("instance") == answer.request.url.raw_path.decode().partition("?")[0]
    assert told == values
    assert ("Retry-After" in answer.headers) == (status == 503)
