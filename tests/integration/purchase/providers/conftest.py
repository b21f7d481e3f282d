"""One sandbox for all tests of a file, and each client that production may choose."""

from collections.abc import AsyncIterator, Iterator

import pytest
from purchase.providers.intents import Intents

from tests.stage import sandboxes
from tests.stage.provider_clients import CLIENTS, client
from tests.stage.sandboxes import Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox that sends no webhooks."""
    with sandboxes.serving(SLOW_SECONDS="1") as running:
        yield running


@pytest.fixture(params=CLIENTS)
async def provider(request: pytest.FixtureRequest, sandbox: Sandbox) -> AsyncIterator[Intents]:
    """Each client of the sandbox: both run the same tests."""
    async with client(request.param, sandbox.url) as provider:
        yield provider
