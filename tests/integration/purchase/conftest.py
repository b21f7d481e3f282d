"""One purchase process and its Redis for all tests of a file; each test has its own events."""

from collections.abc import AsyncIterator, Iterator

import pytest
from redis import Redis

from tests.stage import sandboxes
from tests.stage.http_client import EventOnSale, Json, PurchaseClient, open_client
from tests.stage.processes.purchase import Service, serving_alone
from tests.stage.redis_state import RedisState
from tests.stage.sandboxes import Sandbox


@pytest.fixture(scope="module")
def service(redis_server: str, request: pytest.FixtureRequest) -> Iterator[Service]:
    """Run purchase: with the sandbox in a file marked `at_the_sandbox`, else without a provider."""
    provider = {}
    if request.node.get_closest_marker("at_the_sandbox"):
        provider["SANDBOX_URL"] = request.getfixturevalue("sandbox").url
    with serving_alone(redis_server, **provider) as service:
        yield service


@pytest.fixture
async def client(service: Service) -> AsyncIterator[PurchaseClient]:
    """Yield a client of that process."""
    async with open_client(service.url) as client:
        yield client


@pytest.fixture
async def event(client: PurchaseClient) -> EventOnSale:
    """Put an event on sale, with seats at 25.00 each."""
    return await client.put_on_sale()


@pytest.fixture
async def hold(client: PurchaseClient, event: EventOnSale) -> Json:
    """Hold the first two seats of that event."""
    return await client.held(event.hold("1a", "1b"))


@pytest.fixture
def redis_state(service: Service) -> Iterator[RedisState]:
    """Yield the state of that Redis."""
    with Redis.from_url(service.redis_url) as redis:
        yield RedisState(redis)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Run a sandbox that sends no webhooks."""
    with sandboxes.serving() as running:
        yield running
