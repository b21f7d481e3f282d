"""The containers themselves: services stop on SIGTERM, and one-shots succeed."""

import signal

import pytest

from tests.stage.platforms.composed import ComposedPlatform
from tests.stage.platforms.running import wait_until_ready


@pytest.mark.parametrize(
    "name", ["sandbox", "purchase", "relay", "terminal-write", "terminal-read", "query", "gateway"]
)
def test_a_service_stops_on_sigterm(platform: ComposedPlatform, name: str) -> None:
    wait_until_ready(platform, name)
    platform.stop(name)
    status = platform.exit_code(name)
    platform.start(name)
    assert status in (0, 128 + signal.SIGTERM)
    wait_until_ready(platform, name)


def test_install_and_setup_have_succeeded(platform: ComposedPlatform) -> None:
    assert platform.exit_code("install") == 0
    assert platform.exit_code("setup") == 0
