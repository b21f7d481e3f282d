"""A crowd of buyers that races for the seats of an event, as impatient and as careful as real ones.

Every attempt has an Idempotency-Key of its own and is repeated with it after a broken connection, a 502, 503 or 504,
for that is the only way to learn what became of it. Some seats are wanted by more than one buyer.
"""

import asyncio
import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
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


class Answer(Struct, frozen=True):
    """What a call was answered at last, and how often it was repeated until then."""

    status: int
    body: Any
    repeated: int


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


def buying(gateway: str, buyers: int) -> aiohttp.ClientSession:
    """A connection for each buyer."""
    connections = aiohttp.TCPConnector(limit=buyers)
    return aiohttp.ClientSession(gateway, connector=connections, timeout=aiohttp.ClientTimeout(total=15))


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
    async with buying(gateway, buyers) as http:

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
    answer = await insist(http, "POST", "/api/v1/tickets", wanted)
    result.repeated += answer.repeated
    if answer.status == 201:
        result.sold.append(Sold(answer.body["ticketId"], seat, answer.body["price"]))
    elif answer.status == 409:
        result.refused += 1
    else:
        result.failed.append(f"{answer.status} {answer.body}")


async def insist(
    http: aiohttp.ClientSession, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """Make one call, repeating it with its key as long as nobody can say what became of it, or until patience ends."""
    headers = {"Idempotency-Key": str(uuid.uuid4())} if headers is None else headers
    patience_ends = time.monotonic() + PATIENCE_SECONDS
    repeated = 0
    while True:
        status, told = await _ask(http, method, path, body, headers)
        if status not in WORTH_REPEATING or time.monotonic() > patience_ends:
            return Answer(status, told, repeated)
        repeated += 1
        await asyncio.sleep(REPEAT_SECONDS)


async def _ask(
    http: aiohttp.ClientSession, method: str, path: str, body: Any, headers: Mapping[str, str]
) -> tuple[int, Any]:
    """Status and body; a connection that broke counts as a 502."""
    try:
        async with http.request(method, path, json=body, headers=headers) as response:
            return response.status, await response.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return 502, repr(error)
