"""Sells out an event while the relay is stopped: Redis's memory per seat, and catch-up times."""

import asyncio
from typing import Any

from infra_local.demo.verdict import wait_for
from purchase.settings import Settings
from purchase.store import keys
from redis.asyncio import Redis

from tests.bench import wrk
from tests.bench.figures import Origin, SellOut
from tests.bench.models import projected, wait_for_both
from tests.bench.sales import CONNECTIONS, VENUE
from tests.stage.platforms import private
from tests.stage.platforms.on_sale import put_on_sale

PARTITIONS = Settings.read({"PROFILE": "local"}).partitions
BARE, KEYED = "Bare", "Keyed"
"""Events in different partitions; in one partition they would share some of the memory."""

SECONDS = 90
"""Enough to sell a whole event, even on a slow machine."""


def measure(origin: Origin) -> SellOut:
    """Sell one event without customers and keys, and one with both. Raises LoadFailed, Stalled."""
    assert keys.partition_of(BARE, PARTITIONS) != keys.partition_of(KEYED, PARTITIONS)
    with private.running() as platform:
        return asyncio.run(_measure(platform, origin))


async def _measure(platform: private.PrivatePlatform, origin: Origin) -> SellOut:
    async with Redis.from_url(platform.url_of("redis")) as redis:
        for event in (BARE, KEYED):
            put_on_sale(platform, VENUE, event)
        projected_before, at_first = await projected(platform), await _bytes_used(redis)

        platform.stop("relay")
        seats = await sell(platform, redis, BARE, SECONDS)
        platform.start("relay")
        behind = await wait_for_both(platform, VENUE, BARE, seats, projected_before)
        bare = await _bytes_used(redis)

        seats_keyed = await sell(platform, redis, KEYED, SECONDS)
        keyed = await _bytes_used(redis)
    return SellOut(
        origin=origin,
        seats=seats,
        bytes_per_seat=(bare - at_first) / seats,
        read_model_seconds=behind.read_model,
        write_model_seconds=behind.write_model,
        seats_keyed=seats_keyed,
        bytes_per_seat_keyed=(keyed - bare) / seats_keyed,
    )


async def sell(platform: private.PrivatePlatform, redis: Any, event: str, seconds: int) -> int:
    """Sell this event for `seconds` or until it is sold out; return how many. Raises LoadFailed."""
    wrk.buy(platform.url_of("purchase"), event, seconds=seconds, connections=CONNECTIONS, keyed=event == KEYED)
    return int(await redis.hget(keys.sold(keys.partition_of(event, PARTITIONS), event), "all"))


async def wait_until_published(redis: Any, *events: str) -> None:
    """Wait until the relay has published all messages of these events. Raises Stalled."""

    async def published() -> int:
        outboxes = [await redis.xlen(keys.outbox(keys.partition_of(event, PARTITIONS))) for event in events]
        return -int(sum(outboxes))

    await wait_for(0, published)


async def _bytes_used(redis: Any) -> int:
    """Return Redis's memory in bytes, without its connections, after all was published."""
    await wait_until_published(redis, BARE, KEYED)
    await redis.memory_purge()
    memory = await redis.info("memory")
    used: int = memory["used_memory"] - memory["mem_clients_normal"]
    return used
