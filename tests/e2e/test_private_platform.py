"""What holds for the platform of private instances alone."""

from infra_local import leftovers

from tests.e2e.private import PrivatePlatform


def test_each_process_would_be_found_without_its_supervisor(platform: PrivatePlatform) -> None:
    assert set(platform.process_ids().values()) <= set(leftovers.find(platform.home))
