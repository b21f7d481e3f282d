"""Definitions with a lost answer to one script: the retry is recognised, nothing happens twice."""

import pytest
from contracts.catalogue import EventScheduled, VenueDefined
from redis import Redis

from tests.stage.builders import event, venue, zone
from tests.stage.proxy import RedisProxy, listening
from tests.stage.redis_state import RedisState
from tests.stage.sellers import prepare, selling

VENUE_SCRIPTS = ["begin_change", "decide_change", "end_change"]
REZONING_SCRIPTS = ["begin_change", "agree_event", "decide_change", "write_event", "end_change"]


@pytest.mark.parametrize("lost", range(len(VENUE_SCRIPTS)), ids=VENUE_SCRIPTS)
async def test_a_new_venue_is_new_and_is_published_once(redis_url: str, lost: int) -> None:
    await prepare(redis_url)
    async with listening(RedisProxy(redis_url)) as proxy, selling(proxy.url) as seller:
        proxy.lose(after=lost)
        defined = await seller.definitions.define_venue(venue())

    assert defined.is_new
    assert published(redis_url, "Arena") == [VenueDefined]


async def test_a_new_event_is_new_and_is_published_once(redis_url: str) -> None:
    await prepare(redis_url)
    async with listening(RedisProxy(redis_url)) as proxy, selling(proxy.url) as seller:
        await seller.definitions.define_venue(venue())
        proxy.lose()
        scheduled = await seller.definitions.schedule(event())

    assert scheduled.is_new
    assert published(redis_url, "Gala") == [EventScheduled]


@pytest.mark.parametrize("lost", range(len(REZONING_SCRIPTS)), ids=REZONING_SCRIPTS)
async def test_a_change_of_a_venue_is_made_once(redis_url: str, lost: int) -> None:
    await prepare(redis_url)
    async with listening(RedisProxy(redis_url)) as proxy, selling(proxy.url) as seller:
        await seller.put_on_sale("Gala")
        proxy.lose(after=lost)
        changed = await seller.definitions.define_venue(venue(zones=(zone(col_count=2),)))

    assert not changed.is_new
    assert published(redis_url, "Arena") == [VenueDefined] * 2
    assert published(redis_url, "Gala") == [EventScheduled] * 2
    with Redis.from_url(redis_url) as client:
        RedisState(client).assert_agreement("Arena", "Gala")


def published(redis_url: str, subject: str) -> list[type]:
    """Return the types of the messages about this venue or event in the outbox."""
    with Redis.from_url(redis_url) as client:
        return [type(message) for message in RedisState(client).messages_about(subject)]
