"""The whole platform: of private instances, or in containers when E2E_PLATFORM=compose says so.

It runs on RabbitMQ, or on Kafka when E2E_BROKER=kafka says so.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from infra_local.brokers import BROKERS, DEFAULT_BROKER, BrokerName

from tests.e2e import composed, private
from tests.e2e.running import RunningPlatform

PLATFORMS: dict[str, Callable[[BrokerName], AbstractContextManager[RunningPlatform]]] = {
    "private": private.running,
    "compose": composed.running,
}
CHOICES: dict[str, BrokerName] = {name: name for name in BROKERS}
CHOSEN = os.environ.get("E2E_PLATFORM") or "private"
# What holds for one of them only.
OF_ONE = {"private": "test_private_platform.py", "compose": "test_composed_platform.py"}

collect_ignore = [file for platform, file in OF_ONE.items() if platform != CHOSEN]


@pytest.fixture(scope="session")
def platform() -> Iterator[RunningPlatform]:
    """The platform with its sample catalogue, for all end-to-end tests together."""
    with PLATFORMS[CHOSEN](CHOICES[os.environ.get("E2E_BROKER") or DEFAULT_BROKER]) as running:
        yield running
