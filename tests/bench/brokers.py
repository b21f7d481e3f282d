"""Compares the brokers: the CPU time of their clients, our processes, and when a sale is readable.

Both platforms run during the whole measurement, and are measured in turns.
"""

import asyncio
import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp
from contracts.seat import column_label
from infra_local.brokers import BROKERS
from infra_local.demo.crowd import call_with_retries, http_session
from purchase.store import keys
from redis.asyncio import Redis

from tests.bench import processes
from tests.bench.figures import CLIENTS, RELAY, Brokers, Origin, Turn
from tests.bench.load import Disagreement
from tests.bench.models import projected, wait_for_both
from tests.bench.sales import VENUE, WARM_UP
from tests.bench.sellout import PARTITIONS, sell, wait_until_published
from tests.stage.platforms import private
from tests.stage.platforms.on_sale import put_on_sale

ROUNDS = 3
SINGLE_SALES = 80
PUBLISHED_SECONDS, READ_SECONDS = 0.04, 0.3
"""The time between single sales, equal for both brokers: after a longer rest a sale costs more."""

REST_SECONDS = 4
SELL_SECONDS = 2
LEASE_SECONDS = 120
COLUMNS = 26
TOKEN = "Consistency-Token"


@dataclass(frozen=True, kw_only=True)
class Usage:
    """A duration, and each client's CPU time within it."""

    seconds: float
    cpu_seconds: Mapping[str, float]

    def per_second_ms(self) -> dict[str, float]:
        """Return the CPU time per second."""
        return {client: cpu / self.seconds * 1e3 for client, cpu in self.cpu_seconds.items()}

    def above_rest_us(self, at_rest: "Usage") -> dict[str, float]:
        """Return the CPU time minus that of the same duration at rest."""
        resting = self.seconds / at_rest.seconds
        return {client: (cpu - resting * at_rest.cpu_seconds[client]) * 1e6 for client, cpu in self.cpu_seconds.items()}


@dataclass(frozen=True, kw_only=True)
class Work:
    """A number of sales, the usage while they were published, and until they were projected."""

    sales: int
    publishing: Usage
    projecting: Usage

    def per_sale_us(self, at_rest: Usage) -> dict[str, float]:
        """Return the CPU time per sale.

        The relay's is that until all was published: its rest after that would outweigh the work.
        """
        above = self.projecting.above_rest_us(at_rest) | {RELAY: self.publishing.above_rest_us(at_rest)[RELAY]}
        return {client: cpu / self.sales for client, cpu in above.items()}


class Meter:
    """A meter of the clients' CPU time since its creation."""

    def __init__(self, platform: private.PrivatePlatform) -> None:
        at = platform.process_ids()
        self._clients = {client: at[client] for client in CLIENTS}
        self._begun, self._before = time.monotonic(), self._read()

    def usage(self) -> Usage:
        now = self._read()
        return Usage(
            seconds=time.monotonic() - self._begun,
            cpu_seconds={client: now[client] - self._before[client] for client in CLIENTS},
        )

    def _read(self) -> dict[str, float]:
        return {client: processes.clock(process_id) for client, process_id in self._clients.items()}


def measure(origin: Origin) -> Brokers:
    """Measure each broker in every round. Raises Disagreement, LoadFailed, Stalled."""
    with ExitStack() as running:
        platforms = [running.enter_context(private.running(broker)) for broker in BROKERS]
        return asyncio.run(_measure(origin, platforms))


async def _measure(origin: Origin, platforms: Sequence[private.PrivatePlatform]) -> Brokers:
    for platform in platforms:
        put_on_sale(platform, VENUE, WARM_UP)
        await _sell_steadily(platform, WARM_UP)
    rounds: list[dict[str, Turn]] = [
        {platform.broker: await _turn(platform, f"Single{number}", f"Batched{number}") for platform in platforms}
        for number in range(ROUNDS)
    ]
    return Brokers(origin=origin, rounds=rounds)


async def _turn(platform: private.PrivatePlatform, single: str, batched: str) -> Turn:
    """Measure one broker once; `single` and `batched` are the events whose seats are sold."""
    for event in (single, batched):
        put_on_sale(platform, VENUE, event)
    at_rest = await _rest(platform)
    async with Redis.from_url(platform.url_of("redis")) as redis:
        alone, readable_ms = await _alone(platform, redis, single)
        backlog = await _backlog(platform, redis, batched)
    return Turn(
        at_rest_ms=at_rest.per_second_ms(),
        singles=alone.sales,
        single_us=alone.per_sale_us(at_rest),
        readable_p50_ms=statistics.median(readable_ms),
        readable_p95_ms=statistics.quantiles(readable_ms, n=20)[-1],
        batched=backlog.sales,
        batched_us=backlog.per_sale_us(at_rest),
    )


async def _rest(platform: private.PrivatePlatform) -> Usage:
    meter = Meter(platform)
    await asyncio.sleep(REST_SECONDS)
    return meter.usage()


async def _alone(platform: private.PrivatePlatform, redis: Any, event: str) -> tuple[Work, list[float]]:
    """Measure sales that are published one by one, and the milliseconds until each is readable."""
    before = await projected(platform)
    meter = Meter(platform)
    await _sell_steadily(platform, event)
    await wait_until_published(redis, event)
    publishing = meter.usage()
    await wait_for_both(platform, VENUE, event, SINGLE_SALES, before)

    meter = Meter(platform)
    readable_ms = await _sell_and_read(platform, event)
    return Work(sales=SINGLE_SALES, publishing=publishing, projecting=meter.usage()), readable_ms


async def _backlog(platform: private.PrivatePlatform, redis: Any, event: str) -> Work:
    """Measure sales that form a backlog, because a dummy lease keeps the relay from publishing."""
    before = await projected(platform)
    lease = keys.lease(keys.partition_of(event, PARTITIONS))
    await redis.set(lease, "nobody", ex=LEASE_SECONDS)
    seats = await sell(platform, redis, event, SELL_SECONDS)

    meter = Meter(platform)
    await redis.delete(lease)
    await wait_until_published(redis, event)
    publishing = meter.usage()
    await wait_for_both(platform, VENUE, event, seats, before)
    return Work(sales=seats, publishing=publishing, projecting=meter.usage())


async def _sell_steadily(platform: private.PrivatePlatform, event: str) -> None:
    """Sell the first seats at a steady rate, without waiting until each is projected."""
    async with http_session(platform.url, buyers=1) as http:
        for number in range(SINGLE_SALES):
            due = time.monotonic() + PUBLISHED_SECONDS
            await _buy(http, event, number)
            await asyncio.sleep(max(0, due - time.monotonic()))


async def _sell_and_read(platform: private.PrivatePlatform, event: str) -> list[float]:
    """Sell the next seats, each after the last was read; return the times from 201 to read."""
    readable_ms = []
    async with http_session(platform.url, buyers=1) as http:
        for number in range(SINGLE_SALES, 2 * SINGLE_SALES):
            due = time.monotonic() + READ_SECONDS
            ticket, token = await _buy(http, event, number)
            answered = time.perf_counter()
            read = await call_with_retries(http, "GET", ticket, headers={TOKEN: token})
            if read.status != 200:
                raise Disagreement(f"{read.status} {read.body} instead of {ticket}")
            readable_ms.append((time.perf_counter() - answered) * 1e3)
            await asyncio.sleep(max(0, due - time.monotonic()))
    return readable_ms


async def _buy(http: aiohttp.ClientSession, event: str, number: int) -> tuple[str, str]:
    """Buy the seat of this number; return the address of its ticket, and the token of its sale."""
    row, column = divmod(number, COLUMNS)
    seat = {"venueId": VENUE, "eventId": event, "zoneId": 1, "row": str(row + 1), "column": column_label(column + 1)}
    async with http.post("/api/v1/tickets", json=seat, raise_for_status=True) as response:
        await response.read()
        return response.headers["Location"], response.headers[TOKEN]
