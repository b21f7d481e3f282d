"""The memory of a seat in Redis: its record, its ticket or hold, its share of keys and counters."""

import asyncio
import sys
from typing import Any

import pytest
from purchase.holds.hold import HoldSeat
from purchase.seats.seat import Seat
from purchase.store import keys
from redis import Redis

from tests.stage.builders import PARTITIONS, new_hold, order, zone
from tests.stage.sellers import Seller, prepare, selling

BYTES_MAX = 160
ZONES, ROWS, COLUMNS = 5, 30, 26
"""With fewer seats each costs more, because fewer share the keys of the ticket buckets."""

SEATS = [
    (zone_id, row, column)
    for zone_id in range(1, ZONES + 1)
    for row in range(1, ROWS + 1)
    for column in range(1, COLUMNS + 1)
]


async def test_a_sold_seat_costs_at_most_160_bytes(redis_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    await prepare(redis_url)
    with Redis.from_url(redis_url) as client:
        async with selling(redis_url) as seller:
            zones = tuple(zone(zone_id=zone_id, row_count=ROWS, col_count=COLUMNS) for zone_id in range(1, ZONES + 1))
            await seller.put_on_sale("Gala", zones=zones)
            await sell(seller, SEATS[:1])
            before = bytes_used(client)
            await sell(seller, SEATS[1:])

            figure = (bytes_used(client) - before) / (len(SEATS) - 1)

    with capsys.disabled():
        sys.stdout.write(f"\na sold seat costs {figure:.1f} bytes, {len(SEATS)} sold\n")
    assert figure <= BYTES_MAX


@pytest.mark.parametrize(("seats_each", "bytes_max"), [(1, 560), (2, 300), (10, 100)])
async def test_a_held_seat_costs_its_share_of_the_hold(
    redis_url: str, capsys: pytest.CaptureFixture[str], seats_each: int, bytes_max: int
) -> None:
    await prepare(redis_url)
    with Redis.from_url(redis_url) as client:
        async with selling(redis_url) as seller:
            zones = tuple(zone(zone_id=zone_id, row_count=ROWS, col_count=COLUMNS) for zone_id in range(1, ZONES + 1))
            await seller.put_on_sale("Gala", zones=zones)
            await hold(seller, SEATS[:100], seats_each)
            before = bytes_used(client)
            await hold(seller, SEATS[100:], seats_each)

            figure = (bytes_used(client) - before) / (len(SEATS) - 100)

    with capsys.disabled():
        sys.stdout.write(f"\na seat of a hold of {seats_each} costs {figure:.1f} bytes, {len(SEATS)} held\n")
    assert figure <= bytes_max


async def sell(seller: Seller, seats: list[tuple[int, int, int]]) -> None:
    """Sell these; each ticket's time has all its digits, as in production."""
    orders = [order(zone_id=zone_id, row=row, column=column) for zone_id, row, column in seats]
    await asyncio.gather(*(seller.inventory.sell(wanted) for wanted in orders))


async def hold(seller: Seller, seats: list[tuple[int, int, int]], seats_each: int) -> None:
    """Hold these, so many per hold, each hold for another customer."""
    for first in range(0, len(seats), seats_each):
        together = [HoldSeat(Seat(*place), 2_500) for place in seats[first : first + seats_each]]
        await seller.holds.hold(new_hold(*together, customer_id=f"customer-{first}"))


def bytes_used(client: Any) -> int:
    """Return the memory of everything but the connections, once every message is published."""
    client.xtrim(keys.outbox(keys.partition_of("Gala", PARTITIONS)), maxlen=0, approximate=False)
    client.memory_purge()
    memory = client.info("memory")
    used: int = memory["used_memory"] - memory["mem_clients_normal"]
    return used
