"""One broker beside the other: the CPU time of their clients, which are our processes, and when a sale can be read.

Both platforms run all the while, and are measured by turns.
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
from tests.e2e import private
from tests.e2e.on_sale import put_on_sale

ROUNDS = 3
SINGLE_SALES = 80
PUBLISHED_SECONDS, READ_SECONDS = 0.04, 0.3
"""From one single sale to the next, whatever the broker: a process that has rested longer takes more for it."""

REST_SECONDS = 4
SELL_SECONDS = 2
LEASE_SECONDS = 120
COLUMNS = 26
TOKEN = "Consistency-Token"


@dataclass(frozen=True, kw_only=True)
class Taken:
    """So long it took, and each client so much CPU time."""

    seconds: float
    cpu_seconds: Mapping[str, float]

    def a_second_ms(self) -> dict[str, float]:
        """CPU time for each second of it."""
        return {client: cpu / self.seconds * 1e3 for client, cpu in self.cpu_seconds.items()}

    def beyond_us(self, at_rest: "Taken") -> dict[str, float]:
        """CPU time without what would have been taken at rest."""
        resting = self.seconds / at_rest.seconds
        return {client: (cpu - resting * at_rest.cpu_seconds[client]) * 1e6 for client, cpu in self.cpu_seconds.items()}


@dataclass(frozen=True, kw_only=True)
class Work:
    """So many sales, and what was taken while they were published, and until they were projected."""

    sales: int
    publishing: Taken
    projecting: Taken

    def a_sale_us(self, at_rest: Taken) -> dict[str, float]:
        """CPU time for a sale. The relay's while it published: its rest after that would outweigh what it did."""
        beyond = self.projecting.beyond_us(at_rest) | {RELAY: self.publishing.beyond_us(at_rest)[RELAY]}
        return {client: cpu / self.sales for client, cpu in beyond.items()}


class Meter:
    """Reads the clients' clocks from when it was made."""

    def __init__(self, platform: private.PrivatePlatform) -> None:
        at = platform.process_ids()
        self._clients = {client: at[client] for client in CLIENTS}
        self._begun, self._before = time.monotonic(), self._read()

    def taken(self) -> Taken:
        now = self._read()
        return Taken(
            seconds=time.monotonic() - self._begun,
            cpu_seconds={client: now[client] - self._before[client] for client in CLIENTS},
        )

    def _read(self) -> dict[str, float]:
        return {client: processes.clock(process_id) for client, process_id in self._clients.items()}


def measure(origin: Origin) -> Brokers:
    """In each round every broker has its turn. Raises Disagreement, LoadFailed, Stalled."""
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
    """These are the events whose seats are sold."""
    for event in (single, batched):
        put_on_sale(platform, VENUE, event)
    at_rest = await _rest(platform)
    async with Redis.from_url(platform.url_of("redis")) as redis:
        alone, readable_ms = await _alone(platform, redis, single)
        among_others = await _among_others(platform, redis, batched)
    return Turn(
        at_rest_ms=at_rest.a_second_ms(),
        singles=alone.sales,
        single_us=alone.a_sale_us(at_rest),
        readable_p50_ms=statistics.median(readable_ms),
        readable_p95_ms=statistics.quantiles(readable_ms, n=20)[-1],
        batched=among_others.sales,
        batched_us=among_others.a_sale_us(at_rest),
    )


async def _rest(platform: private.PrivatePlatform) -> Taken:
    meter = Meter(platform)
    await asyncio.sleep(REST_SECONDS)
    return meter.taken()


async def _alone(platform: private.PrivatePlatform, redis: Any, event: str) -> tuple[Work, list[float]]:
    """Sales that are each a message, and in how many milliseconds each of those that were read could be."""
    before = await projected(platform)
    meter = Meter(platform)
    await _sell_steadily(platform, event)
    await wait_until_published(redis, event)
    publishing = meter.taken()
    await wait_for_both(platform, VENUE, event, SINGLE_SALES, before)

    meter = Meter(platform)
    readable_ms = await _sell_and_read(platform, event)
    return Work(sales=SINGLE_SALES, publishing=publishing, projecting=meter.taken()), readable_ms


async def _among_others(platform: private.PrivatePlatform, redis: Any, event: str) -> Work:
    """Sales that the relay finds waiting, for it leaves alone what another leads."""
    before = await projected(platform)
    lease = keys.lease(keys.partition_of(event, PARTITIONS))
    await redis.set(lease, "nobody", ex=LEASE_SECONDS)
    seats = await sell(platform, redis, event, SELL_SECONDS)

    meter = Meter(platform)
    await redis.delete(lease)
    await wait_until_published(redis, event)
    publishing = meter.taken()
    await wait_for_both(platform, VENUE, event, seats, before)
    return Work(sales=seats, publishing=publishing, projecting=meter.taken())


async def _sell_steadily(platform: private.PrivatePlatform, event: str) -> None:
    """The first seats, whoever is still at work on the one before."""
    async with http_session(platform.url, buyers=1) as http:
        for number in range(SINGLE_SALES):
            due = time.monotonic() + PUBLISHED_SECONDS
            await _buy(http, event, number)
            await asyncio.sleep(max(0, due - time.monotonic()))


async def _sell_and_read(platform: private.PrivatePlatform, event: str) -> list[float]:
    """The seats after them, each when the one before was read; how many milliseconds that took after its 201."""
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
    """Buy the seat of this number; where its ticket will be, and the token of its sale."""
    row, column = divmod(number, COLUMNS)
    seat = {"venueId": VENUE, "eventId": event, "zoneId": 1, "row": str(row + 1), "column": column_label(column + 1)}
    async with http.post("/api/v1/tickets", json=seat, raise_for_status=True) as response:
        await response.read()
        return response.headers["Location"], response.headers[TOKEN]
