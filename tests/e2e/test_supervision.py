"""What `./taskw up` promises: whatever dies is started again, and starting again changes nothing."""

import httpx
import pytest
from infra_local import leftovers
from infra_local.ports import PortBook
from infra_local.startup import bring_up

from tests.e2e.conftest import RunningPlatform


@pytest.mark.parametrize(
    "name", ["purchase", "relay", "terminal-write", "terminal-read", "query", "gateway", "redis", "mariadb"]
)
def test_what_is_killed_is_started_again(platform: RunningPlatform, name: str) -> None:
    killed = platform.process_id(name)
    platform.kill(name)
    platform.wait_until_ready(name, not_process=killed)


def test_bringing_it_up_again_changes_nothing(platform: RunningPlatform) -> None:
    before = platform.supervisor.running()
    again = bring_up(platform.home, PortBook(platform.home / "ports.json"), print)
    assert platform.supervisor.running() == before
    assert again.gateway.url == platform.url


def test_the_gateway_hides_health_and_metrics(platform: RunningPlatform) -> None:
    for path in ("/health/ready", "/health/live", "/metrics"):
        assert httpx.get(platform.url + path).status_code == 404
        assert httpx.get(platform.url_of("purchase") + path, follow_redirects=True).status_code == 200


def test_each_process_would_be_found_without_its_supervisor(platform: RunningPlatform) -> None:
    assert set(platform.supervisor.running().values()) <= set(leftovers.find(platform.home))
