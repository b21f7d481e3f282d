"""One sandbox for all tests of a file."""

from collections.abc import Iterator

import pytest

from tests.stage import sandboxes
from tests.stage.sandboxes import Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Run a sandbox that sends no webhooks."""
    with sandboxes.serving(SLOW_SECONDS="1") as running:
        yield running
