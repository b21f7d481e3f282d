"""A crowd of concurrent buyers that race for the seats of an event.

Every attempt has its own Idempotency-Key. After a broken connection, a 502, 503 or 504 it is
retried with that key, which is the only way to learn its outcome. Several buyers may want the same
seat.
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

RETRY_SECONDS = 0.1
RETRIES_END_SECONDS = 90.0
"""How long a buyer retries an attempt before giving up."""

RETRIED_STATUSES = frozenset({502, 503, 504})


class Seat(Struct, frozen=True):
    """A seat, identified by its labels."""

    zone_id: int
    row: str
    column: str


class Sold(Struct, frozen=True):
    """A ticket that one attempt bought."""

    ticket_id: str
    seat: Seat
    price: float


class Answer(Struct, frozen=True):
    """The final answer to a call, and the number of retries before it."""

    status: int
    body: Any
    retried: int


class Race(Struct, kw_only=True):
    """The outcomes of all attempts so far."""

    sold: list[Sold] = []
    refused: int = 0
    retried: int = 0
    failed: list[str] = []
    seconds: float = 0.0

    @property
    def decided(self) -> int:
        return len(self.sold) + self.refused + len(self.failed)


async def seats_of(gateway: str, event_id: str) -> list[Seat]:
    """List the seats that an event's seat map shows as free."""
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
    """List one attempt for each seat and `duplicates` × as many for random seats, shuffled."""
    order = random.Random(seed)  # noqa: S311 - a race that can be reproduced
    attempts = [*seats, *order.choices(seats, k=round(len(seats) * duplicates))]
    order.shuffle(attempts)
    return attempts


def http_session(gateway: str, buyers: int) -> aiohttp.ClientSession:
    """Open a session with a connection for each buyer."""
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
    """Let `buyers` make the attempts, each buyer the next one as soon as the last is answered."""
    result = Race()
    waiting = iter(attempts)
    started = time.monotonic()
    async with http_session(gateway, buyers) as http:

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
    """Make one attempt and record its outcome."""
    wanted = {
        "venueId": venue_id,
        "eventId": event_id,
        "zoneId": seat.zone_id,
        "row": seat.row,
        "column": seat.column,
    }
    answer = await call_with_retries(http, "POST", "/api/v1/tickets", wanted)
    result.retried += answer.retried
    if answer.status == 201:
        result.sold.append(Sold(answer.body["ticketId"], seat, answer.body["price"]))
    elif answer.status == 409:
        result.refused += 1
    else:
        result.failed.append(f"{answer.status} {answer.body}")


async def call_with_retries(
    http: aiohttp.ClientSession, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """Make one call; while its outcome is unknown, retry it with its key until the deadline."""
    headers = {"Idempotency-Key": str(uuid.uuid4())} if headers is None else headers
    deadline = time.monotonic() + RETRIES_END_SECONDS
    retried = 0
    while True:
        status, answer = await _call(http, method, path, body, headers)
        if status not in RETRIED_STATUSES or time.monotonic() > deadline:
            return Answer(status, answer, retried)
        retried += 1
        await asyncio.sleep(RETRY_SECONDS)


async def _call(
    http: aiohttp.ClientSession, method: str, path: str, body: Any, headers: Mapping[str, str]
) -> tuple[int, Any]:
    """Return status and body; a broken connection counts as a 502."""
    try:
        async with http.request(method, path, json=body, headers=headers) as response:
            return response.status, await response.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return 502, repr(error)
