"""What holds for the platform in containers alone."""

import signal

import pytest

from tests.stage.platforms.composed import ComposedPlatform
from tests.stage.platforms.running import wait_until_ready


@pytest.mark.parametrize(
    "name", ["sandbox", "purchase", "relay", "terminal-write", "terminal-read", "query", "gateway"]
)
def test_a_service_that_is_told_to_end_need_not_be_killed(platform: ComposedPlatform, name: str) -> None:
    wait_until_ready(platform, name)
    platform.stop(name)
    ended_with = platform.exit_code(name)
    platform.start(name)
    assert ended_with in (0, 128 + signal.SIGTERM)
    wait_until_ready(platform, name)


def test_what_prepares_the_stores_has_ended_well(platform: ComposedPlatform) -> None:
    assert platform.exit_code("install") == 0
    assert platform.exit_code("setup") == 0
