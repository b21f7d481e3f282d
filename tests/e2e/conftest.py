"""The whole platform: of private instances, or in containers when E2E_PLATFORM=compose says so."""

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
# What holds for one of them only.
OF_ONE = {
    "test_private_platform.py": "private",
    "test_moving.py": "private",
    "test_composed_platform.py": "compose",
    "test_composed_moving.py": "compose",
}

collect_ignore = [file for file, platform in OF_ONE.items() if platform != CHOSEN]


def pytest_configure(config: pytest.Config) -> None:
    """Load the fixtures of the stores, once for all folders that need them."""
    config.pluginmanager.import_plugin("tests.stage.stores.fixtures")


@pytest.fixture(scope="session")
def platform(request: pytest.FixtureRequest) -> Iterator[RunningPlatform]:
    """The platform with its sample catalogue, for all end-to-end tests together."""
    with PLATFORMS[CHOSEN](request.param) as running:
        yield running
