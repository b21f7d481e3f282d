"""`./taskw up`: each process that dies is restarted, and a second `up` changes nothing."""

import httpx
import pytest

from tests.stage.platforms.running import RunningPlatform, kill, wait_until_ready


@pytest.mark.parametrize(
    "name", ["sandbox", "purchase", "relay", "terminal-write", "terminal-read", "query", "gateway", "redis", "mysql"]
)
def test_a_killed_process_is_restarted(platform: RunningPlatform, name: str) -> None:
    killed = kill(platform, name)
    wait_until_ready(platform, name, not_process=killed)


def test_a_second_up_changes_nothing(platform: RunningPlatform) -> None:
    before = platform.process_ids()
    assert platform.bring_up_again() == platform.url
    assert platform.process_ids() == before


def test_the_gateway_hides_health_and_metrics(platform: RunningPlatform) -> None:
    for path in ("/health/ready", "/health/live", "/metrics"):
        assert httpx.get(platform.url + path).status_code == 404
        assert httpx.get(platform.url_of("purchase") + path, follow_redirects=True).status_code == 200
