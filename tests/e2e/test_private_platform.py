"""Private instances themselves: their processes are found, and Kafka is drained before it stops."""

import httpx
import pytest
from infra_local import leftovers
from infra_local.startup import drain

from tests.stage.platforms.on_sale import put_on_sale
from tests.stage.platforms.private import PrivatePlatform

SEATS = 20


def test_each_process_is_found_without_its_supervisor(platform: PrivatePlatform) -> None:
    assert set(platform.process_ids().values()) <= set(leftovers.find(platform.home))


@pytest.mark.on_kafka
def test_every_sale_is_projected_before_a_broker_in_memory_stops(platform: PrivatePlatform) -> None:
    put_on_sale(platform, "Venue1", "LastMinute")
    with httpx.Client(base_url=platform.url) as gateway:
        for row in range(1, SEATS + 1):
            seat = {"venueId": "Venue1", "eventId": "LastMinute", "zoneId": 1, "row": str(row), "column": "a"}
            assert gateway.post("/api/v1/tickets", json=seat).status_code == 201
    try:
        assert drain(platform.description, platform.supervisor)
        count = httpx.get(platform.url_of("query") + "/api/v1/tickets/count/LastMinute").json()
        assert sum(zone["soldCount"] for zone in count["zones"]) == SEATS
    finally:
        platform.bring_up_again()
