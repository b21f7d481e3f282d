"""One broker beside the other: the CPU time of their clients, which are our processes, and when a sale can be read.

Both platforms run all the while, and are measured by turns.
"""

import asyncio
import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import aiohttp
from contracts.seat import column_label
from infra_local.brokers import BROKERS
from infra_local.crowd import buying, insist
from purchase import keys
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

    def a_sale_us(self, sales: int, at_rest: "Taken") -> dict[str, float]:
        """CPU time for each of so many sales, without what would have been taken at rest."""
        resting = self.seconds / at_rest.seconds
        return {
            client: (cpu - resting * at_rest.cpu_seconds[client]) / sales * 1e6
            for client, cpu in self.cpu_seconds.items()
        }


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

    async with Redis.from_url(platform.url_of("redis")) as redis:
        meter, before = Meter(platform), await projected(platform)
        await _sell_steadily(platform, single)
        await wait_until_published(redis, single)
        publishing_singles = meter.taken()
        await wait_for_both(platform, VENUE, single, SINGLE_SALES, before)

        meter = Meter(platform)
        readable_ms = await _sell_and_read(platform, single)
        projecting_singles = meter.taken()

        # A relay leaves alone what another leads.
        lease = keys.lease(keys.partition_of(batched, PARTITIONS))
        await redis.set(lease, "nobody", ex=LEASE_SECONDS)
        meter = Meter(platform)
        await asyncio.sleep(REST_SECONDS)
        at_rest = meter.taken()

        before = await projected(platform)
        seats = await sell(platform, redis, batched, SELL_SECONDS)
        meter = Meter(platform)
        await redis.delete(lease)
        await wait_until_published(redis, batched)
        publishing = meter.taken()
        await wait_for_both(platform, VENUE, batched, seats, before)
        projecting = meter.taken()
    return Turn(
        at_rest_ms=at_rest.a_second_ms(),
        singles=SINGLE_SALES,
        single_us=_a_sale_us(publishing_singles, projecting_singles, SINGLE_SALES, at_rest),
        readable_p50_ms=statistics.median(readable_ms),
        readable_p95_ms=statistics.quantiles(readable_ms, n=20)[-1],
        batched=seats,
        batched_us=_a_sale_us(publishing, projecting, seats, at_rest),
    )


def _a_sale_us(publishing: Taken, projecting: Taken, sales: int, at_rest: Taken) -> dict[str, float]:
    """The relay's while it published: its rest until the models have all would outweigh what it did."""
    return projecting.a_sale_us(sales, at_rest) | {RELAY: publishing.a_sale_us(sales, at_rest)[RELAY]}


async def _sell_steadily(platform: private.PrivatePlatform, event: str) -> None:
    """The first seats, whoever is still at work on the one before."""
    async with buying(platform.url, buyers=1) as http:
        for number in range(SINGLE_SALES):
            due = time.monotonic() + PUBLISHED_SECONDS
            await _buy(http, event, number)
            await asyncio.sleep(max(0, due - time.monotonic()))


async def _sell_and_read(platform: private.PrivatePlatform, event: str) -> list[float]:
    """The seats after them, each when the one before was read; how many milliseconds that took after its 201."""
    readable_ms = []
    async with buying(platform.url, buyers=1) as http:
        for number in range(SINGLE_SALES, 2 * SINGLE_SALES):
            due = time.monotonic() + READ_SECONDS
            ticket, token = await _buy(http, event, number)
            answered = time.perf_counter()
            read = await insist(http, "GET", ticket, headers={TOKEN: token})
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
