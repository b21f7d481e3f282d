"""One purchase process and its Redis for all tests of a file; each test has shows of its own in it."""

from collections.abc import AsyncIterator, Iterator

import pytest
from redis import Redis

from tests.stage import sandboxes
from tests.stage.http_client import Json, Show, Window, open_window
from tests.stage.processes.purchase import Service, serving_alone
from tests.stage.redis_state import Ledger
from tests.stage.sandboxes import Sandbox


@pytest.fixture(scope="module")
def service(redis_server: str, request: pytest.FixtureRequest) -> Iterator[Service]:
    """In front of the sandbox for a file that is marked so, and else without a payment provider."""
    provider = {}
    if request.node.get_closest_marker("at_the_sandbox"):
        provider["SANDBOX_URL"] = request.getfixturevalue("sandbox").url
    with serving_alone(redis_server, **provider) as service:
        yield service


@pytest.fixture
async def window(service: Service) -> AsyncIterator[Window]:
    """The calls of that process."""
    async with open_window(service.url) as window:
        yield window


@pytest.fixture
async def show(window: Window) -> Show:
    """An event of seats at 25.00 each."""
    return await window.stage()


@pytest.fixture
async def hold(window: Window, show: Show) -> Json:
    """Of its first two seats."""
    return await window.held(show.hold("1a", "1b"))


@pytest.fixture
def ledger(service: Service) -> Iterator[Ledger]:
    """What that Redis keeps."""
    with Redis.from_url(service.redis_url) as redis:
        yield Ledger(redis)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox that tells nobody anything."""
    with sandboxes.serving() as running:
        yield running
