"""Events of a test's own, whose seats no other test buys."""

import time

import httpx
from infra_local.platform import ADMIN_TOKEN

from tests.stage.platforms.running import PATIENCE_SECONDS, RunningPlatform


def put_on_sale(platform: RunningPlatform, venue_id: str, event_id: str) -> None:
    """Schedule this event at a venue of the sample catalogue, and wait until it is projected."""
    with httpx.Client(base_url=platform.url) as gateway:
        put = gateway.put(
            f"/api/v1/events/{event_id}",
            headers={"Authorization": f"Bearer {ADMIN_TOKEN}"},
            json={"venueId": venue_id, "name": "A race", "type": "concert", "date": "2030-01-01"},
        )
        assert put.status_code == 201
        token = {"Consistency-Token": put.headers["Consistency-Token"]}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (status := gateway.get(f"/api/v1/events/{event_id}", headers=token).status_code) != 200:
            assert status == 503
            assert time.monotonic() < deadline
