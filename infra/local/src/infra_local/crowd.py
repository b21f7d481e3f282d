"""A crowd of buyers that races for the seats of an event, as impatient and as careful as real ones.

Every attempt has an Idempotency-Key of its own and is repeated with it after a broken connection, a 502, 503 or 504,
for that is the only way to learn what became of it. Some seats are wanted by more than one buyer.
"""

import asyncio
import random
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import aiohttp
from contracts.seat import column_label
from msgspec import Struct

REPEAT_SECONDS = 0.1
PATIENCE_SECONDS = 90.0
"""How long a buyer repeats an attempt before giving up."""

WORTH_REPEATING = frozenset({502, 503, 504})


class Seat(Struct, frozen=True):
    """A seat by its labels."""

    zone_id: int
    row: str
    column: str


class Sold(Struct, frozen=True):
    """What one attempt bought."""

    ticket_id: str
    seat: Seat
    price: float


class Race(Struct, kw_only=True):
    """What became of all attempts so far."""

    sold: list[Sold] = []
    refused: int = 0
    repeated: int = 0
    failed: list[str] = []
    seconds: float = 0.0

    @property
    def decided(self) -> int:
        return len(self.sold) + self.refused + len(self.failed)


async def seats_of(gateway: str, event_id: str) -> list[Seat]:
    """Every seat of an event that its seat map shows as free."""
    async with aiohttp.ClientSession() as http, http.get(f"{gateway}/api/v1/events/{event_id}/seats") as response:
        response.raise_for_status()
        seat_map = await response.json()
    return [
        Seat(zone["zoneId"], str(row), column_label(column))
        for zone in seat_map["zones"]
        for row, seats in enumerate(zone["rows"], start=1)
        for column, state in enumerate(seats, start=1)
        if state == "."
    ]


def attempts_for(seats: Sequence[Seat], *, duplicates: float, seed: int) -> list[Seat]:
    """Each seat once, and `duplicates` × as many attempts at random ones again, in random order."""
    order = random.Random(seed)  # noqa: S311 - a race that can be run again
    attempts = [*seats, *order.choices(seats, k=round(len(seats) * duplicates))]
    order.shuffle(attempts)
    return attempts


async def race(
    gateway: str,
    venue_id: str,
    event_id: str,
    attempts: Sequence[Seat],
    *,
    buyers: int = 64,
    on_progress: Callable[[Race], None] = lambda _: None,
) -> Race:
    """Let `buyers` carry out the attempts, each as fast as it is answered."""
    result = Race()
    waiting = iter(attempts)
    started = time.monotonic()
    connections = aiohttp.TCPConnector(limit=buyers)
    timeout = aiohttp.ClientTimeout(total=15)
    async with aiohttp.ClientSession(gateway, connector=connections, timeout=timeout) as http:

        async def buy(attempts: Iterator[Seat]) -> None:
            for seat in attempts:
                await _buy(http, venue_id, event_id, seat, result)
                on_progress(result)

        async with asyncio.TaskGroup() as crowd:
            for _ in range(buyers):
                crowd.create_task(buy(waiting))
    result.seconds = time.monotonic() - started
    return result


async def _buy(http: aiohttp.ClientSession, venue_id: str, event_id: str, seat: Seat, result: Race) -> None:
    """One attempt, until it is decided."""
    wanted = {
        "venueId": venue_id,
        "eventId": event_id,
        "zoneId": seat.zone_id,
        "row": seat.row,
        "column": seat.column,
    }
    key = {"Idempotency-Key": str(uuid.uuid4())}
    patience_ends = time.monotonic() + PATIENCE_SECONDS
    while True:
        status, answer = await _post(http, wanted, key)
        if status == 201:
            result.sold.append(Sold(answer["ticketId"], seat, answer["price"]))
        elif status == 409:
            result.refused += 1
        elif status not in WORTH_REPEATING or time.monotonic() > patience_ends:
            result.failed.append(f"{status} {answer}")
        else:
            result.repeated += 1
            await asyncio.sleep(REPEAT_SECONDS)
            continue
        return


async def _post(http: aiohttp.ClientSession, wanted: dict[str, Any], headers: dict[str, str]) -> tuple[int, Any]:
    """Status and body; a connection that broke counts as a 502."""
    try:
        async with http.post("/api/v1/tickets", json=wanted, headers=headers) as response:
            return response.status, await response.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return 502, repr(error)
