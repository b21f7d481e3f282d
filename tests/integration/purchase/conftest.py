"""One purchase process and its Redis for all tests of a file; each test has shows of its own in it."""

from collections.abc import AsyncIterator, Iterator

import pytest
from redis import Redis

from tests import sandboxes
from tests.integration.purchase.ledger import Ledger
from tests.integration.purchase.serving import Service, serving_alone
from tests.integration.purchase.shows import Window, open_window
from tests.sandboxes import Sandbox


@pytest.fixture(scope="module")
def service(redis_server: str) -> Iterator[Service]:
    """Without a payment provider."""
    with serving_alone(redis_server) as service:
        yield service


@pytest.fixture
async def window(service: Service) -> AsyncIterator[Window]:
    """The calls of that process."""
    async with open_window(service.url) as window:
        yield window


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
