"""Deadlines follow Redis's clock, not this machine's, without a call for each."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from purchase.store.clock import Clock
from purchase.store.connection import connect
from purchase.store.moments import now_us
from purchase.store.partitions import Partitions
from redis.asyncio import Redis

from tests.stage.builders import PARTITIONS
from tests.stage.sellers import OUTBOX_MAX


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


async def test_the_clock_is_that_of_redis(client: Redis) -> None:
    clock = Clock(Partitions(client, count=PARTITIONS, outbox_max=OUTBOX_MAX))

    before = await redis_ms(client)
    now = await clock.now_ms()

    assert before <= now <= await redis_ms(client) + 1


async def test_a_change_of_this_machine_s_clock_has_no_effect(client: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(Partitions(client, count=PARTITIONS, outbox_max=OUTBOX_MAX))
    before = await clock.now_ms()

    monkeypatch.setattr("time.time_ns", lambda: 0)

    assert now_us() == 0
    assert before <= await clock.now_ms()


async def test_redis_is_not_called_each_time(client: Any) -> None:
    clock = Clock(Partitions(client, count=PARTITIONS, outbox_max=OUTBOX_MAX))
    await client.config_resetstat()

    readings = [await clock.now_ms() for _ in range(10)]

    assert readings == sorted(readings)
    assert (await client.info("commandstats"))["cmdstat_time"]["calls"] == 1


async def redis_ms(client: Any) -> int:
    seconds, microseconds = await client.time()
    return int(seconds) * 1_000 + int(microseconds) // 1_000
