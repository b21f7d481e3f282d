"""The whole platform: of private instances, or in containers with E2E_PLATFORM=compose."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from infra_local.brokers import BrokerName

from tests.stage.platforms import composed, private
from tests.stage.platforms.running import RunningPlatform

PLATFORMS: dict[str, Callable[[BrokerName], AbstractContextManager[RunningPlatform]]] = {
    "private": private.running,
    "compose": composed.running,
}
CHOSEN = os.environ.get("E2E_PLATFORM") or "private"
# Files that test only one of the two platforms.
PLATFORM_OF = {
    "test_private_platform.py": "private",
    "test_moving.py": "private",
    "test_composed_platform.py": "compose",
    "test_composed_moving.py": "compose",
}

collect_ignore = [file for file, platform in PLATFORM_OF.items() if platform != CHOSEN]


def pytest_configure(config: pytest.Config) -> None:
    """Load the fixtures of the stores."""
    config.pluginmanager.import_plugin("tests.stage.stores.fixtures")


@pytest.fixture(scope="session")
def platform(request: pytest.FixtureRequest) -> Iterator[RunningPlatform]:
    """Start one platform with the sample catalogue for all end-to-end tests."""
    with PLATFORMS[CHOSEN](request.param) as running:
        yield running
