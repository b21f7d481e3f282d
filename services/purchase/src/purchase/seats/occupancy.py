"""Which seats of an event are sold or held."""

import asyncio
from collections.abc import Iterator
from itertools import islice
from typing import Any

from contracts.catalogue import Zone

from purchase.seats.seat import Seat
from purchase.store import keys
from purchase.store.partitions import Partitions

ROWS_AT_ONCE = 64

SEATS_LISTED_MAX = 100
"""Seats in use that are listed; the first ones are enough to act on."""


class Occupancy:
    """The seats of events, row by row, as Redis stores them."""

    def __init__(self, partitions: Partitions) -> None:
        self._partitions = partitions

    async def in_use(self, event_id: str, before: tuple[Zone, ...], after: tuple[Zone, ...]) -> list[dict[str, Any]]:
        """Return the first seats in `before` without a place in `after` that are sold or held. Raises Recovering."""
        home = keys.partition_of(event_id, self._partitions.count)
        # Read first: a hold that has expired by now has expired for every later script.
        seconds, _ = await self._partitions.ask("TIME")
        in_use: list[dict[str, Any]] = []
        closing = closing_rows(before, after)
        while len(in_use) < SEATS_LISTED_MAX and (some := list(islice(closing, ROWS_AT_ONCE))):
            rows = await asyncio.gather(
                *(self._partitions.ask("HGETALL", keys.row(home, event_id, zone, row)) for zone, row, _ in some)
            )
            in_use += [
                {"eventId": event_id, **Seat(zone_id, row_number, column).facts}
                for (zone_id, row_number, first_column), seats in zip(some, rows, strict=True)
                for column, seat in sorted((int(column), seat) for column, seat in seats.items())
                if column >= first_column and is_in_use(seat, int(seconds) * 1_000)
            ]
        return in_use[:SEATS_LISTED_MAX]


def is_in_use(seat: bytes, now_ms: int) -> bool:
    """Return whether a seat with this record (`lua/lib/seat.lua`) is sold, or held by a hold that has not expired."""
    if seat.startswith(b"H"):
        deadline_ms = int.from_bytes(seat[-8:])
        return deadline_ms == 0 or deadline_ms > now_ms
    return seat.startswith(b"S")


def closing_rows(before: tuple[Zone, ...], after: tuple[Zone, ...]) -> Iterator[tuple[int, int, int]]:
    """Yield zone, row and first column of the seats in `before` that have no place in `after`."""
    remaining = {zone.zone_id: zone for zone in after}
    for zone in before:
        new = remaining.get(zone.zone_id)
        for row_number in range(1, zone.row_count + 1):
            if new is None or row_number > new.row_count:
                yield zone.zone_id, row_number, 1
            elif zone.col_count > new.col_count:
                yield zone.zone_id, row_number, new.col_count + 1
