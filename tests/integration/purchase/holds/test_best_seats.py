"""The script holds exactly the seats that an exhaustive search finds best, whatever is taken."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import redis
from contracts.catalogue import Zone as DefinedZone
from contracts.codec import decode
from contracts.hold import SeatsHeld
from hypothesis import given, strategies as st
from purchase.holds.ledger import HoldLedger, Made, NotFree, Outcome
from purchase.store import keys
from purchase.store.connection import connect
from purchase.store.partitions import Partitions

from tests.stage.builders import PARTITIONS, best_hold, zone
from tests.stage.explorations import exploration
from tests.stage.models.best_seats import Seat, Zone, best_seats, fewest_blocks, runs
from tests.stage.sellers import OUTBOX_MAX, prepare, selling

PARTITION = keys.partition_of("Gala", PARTITIONS)

SOLD = b"S" + bytes(4) + bytes(16)
HELD = b"H" + bytes(4) + bytes(16) + (2**47).to_bytes(8)
BEING_PAID = b"H" + bytes(4) + bytes(16) + bytes(8)
RUN_OUT = b"H" + bytes(4) + bytes(16) + (1).to_bytes(8)
SOLD_BEFORE = b"F" + bytes(4)

TAKEN, FREE = [SOLD, HELD, BEING_PAID], [RUN_OUT, SOLD_BEFORE, None]
"""The records of taken and of free seats; None for no record."""


class Booth:
    """A Redis with one event on sale, whose only zone each test draws."""

    def __init__(self, client: Any, on_sale: Mapping[bytes, bytes], runner: asyncio.Runner, url: str) -> None:
        self.client = client
        self.on_sale = on_sale
        self.runner = runner
        self.url = url

    def hold(self, drawn: Zone, records: Mapping[Seat, bytes | None], wanted: int) -> Outcome:
        """Give the event just this zone, then hold the best seats."""
        pipeline = self.client.pipeline()
        pipeline.flushall()
        for name, value in self.on_sale.items():
            pipeline.restore(name, 0, value)
        for (row, column), record in records.items():
            if record is not None:
                pipeline.hset(keys.row(PARTITION, "Gala", 1, row), column, record)
        pipeline.execute()
        return self.runner.run(self._hold(zone(row_count=drawn.rows, col_count=drawn.width), wanted))

    async def _hold(self, of: DefinedZone, wanted: int) -> Outcome:
        redis = connect(self.url)
        try:
            ledger = HoldLedger(redis, Partitions(redis, count=PARTITIONS, outbox_max=OUTBOX_MAX), holds_per_customer=1)
            return await ledger.hold(best_hold(of, wanted))
        finally:
            await redis.aclose()

    def last_message(self) -> SeatsHeld:
        """Return the last message."""
        [(_, fields)] = self.client.xrevrange(keys.outbox(PARTITION), count=1)
        message = decode(fields[b"message"])
        assert isinstance(message, SeatsHeld)
        return message


@pytest.fixture
def booth(redis_url: str) -> Iterator[Booth]:
    async def put_on_sale() -> None:
        await prepare(redis_url)
        async with selling(redis_url) as seller:
            await seller.put_on_sale("Gala", zones=(zone(),))

    with asyncio.Runner() as runner, redis.Redis.from_url(redis_url) as client:
        runner.run(put_on_sale())
        yield Booth(client, {name: client.dump(name) for name in client.scan_iter()}, runner, redis_url)


def records(drawn: Zone, kinds: list[int]) -> dict[Seat, bytes | None]:
    """Return a record for each seat that makes it as drawn, in different ways."""
    seats = [(row, column) for row in range(1, drawn.rows + 1) for column in range(1, drawn.width + 1)]
    return {
        seat: (FREE if seat in drawn.free else TAKEN)[kinds[number % len(kinds)]] for number, seat in enumerate(seats)
    }


ZONES = st.tuples(st.integers(1, 4), st.integers(1, 12)).flatmap(
    lambda shape: st.lists(
        st.text(st.sampled_from(".#"), min_size=shape[1], max_size=shape[1]), min_size=shape[0], max_size=shape[0]
    )
)


def test_the_best_of_the_free_seats_are_held(booth: Booth) -> None:
    @given(ZONES, st.integers(1, 10), st.lists(st.integers(0, 2), min_size=1, max_size=7))
    @exploration(400)
    def check(rows: list[str], wanted: int, kinds: list[int]) -> None:
        drawn = Zone.drawn(*rows)
        expected = best_seats(drawn, wanted)

        outcome = booth.hold(drawn, records(drawn, kinds), wanted)

        if expected is None:
            assert outcome == NotFree(None, available=len(drawn.free))
            return
        assert isinstance(outcome, Made)
        held = [(one.seat.row, one.seat.column) for one in outcome.hold.seats]
        assert held == expected
        assert blocks_of(held) == fewest_blocks(drawn, wanted)
        assert [(seat.row, seat.column) for seat in booth.last_message().data.seats] == [
            (one.seat.row_label, one.seat.column_label) for one in outcome.hold.seats
        ]

    check()


def blocks_of(held: list[Seat]) -> int:
    """Return how many blocks these seats form."""
    return len(list(runs(Zone(max(row for row, _ in held), 12, frozenset(held)))))


@pytest.mark.parametrize(
    ("wanted", "rows", "held"),
    [
        (2, ["......", "......"], ["..oo..", "......"]),
        (2, ["#.....", "......"], ["#oo...", "......"]),
        (1, [".....", "....."], ["..o..", "....."]),
        (2, ["#...#", "....."], ["#...#", "oo..."]),
        (2, ["##...", "#...#"], ["##oo.", "#...#"]),
        (3, ["..#..", "...##"], ["..#..", "ooo##"]),
        (3, ["..#..", ".#.#."], ["oo#..", ".#o#."]),
        (3, [".#.#.#.#."], [".#o#o#o#."]),
    ],
)
def test_the_best_seats_of_drawn_zones(booth: Booth, wanted: int, rows: list[str], held: list[str]) -> None:
    assert_held(booth, wanted, rows, held)


def assert_held(booth: Booth, wanted: int, rows: list[str], held: list[str]) -> None:
    """Check which seats of the drawn rows are held."""
    drawn = Zone.drawn(*rows)

    outcome = booth.hold(drawn, records(drawn, [0]), wanted)

    assert isinstance(outcome, Made)
    chosen = {(one.seat.row, one.seat.column) for one in outcome.hold.seats}
    assert [
        "".join("o" if (row, column) in chosen else sign for column, sign in enumerate(signs, 1))
        for row, signs in enumerate(rows, 1)
    ] == held


@pytest.mark.parametrize(
    ("wanted", "rows", "held"),
    [
        (2, ["#..", "...", "..."], ["#oo", "...", "..."]),
        (2, [".#.", ".##", "..#"], ["o#o", ".##", "..#"]),
        (2, ["##.", "###", "..#"], ["##.", "###", "oo#"]),
        (3, ["##.", "###", "..#"], ["##o", "###", "oo#"]),
        (4, ["##.", ".##", ".#."], ["##o", "o##", "o#o"]),
    ],
)
def test_in_a_zone_too_large_for_one_call_the_first_rows_with_enough_seats_decide(
    booth: Booth, monkeypatch: pytest.MonkeyPatch, wanted: int, rows: list[str], held: list[str]
) -> None:
    monkeypatch.setattr("purchase.holds.ledger.SEATS_SEARCHED", 3)

    assert_held(booth, wanted, rows, held)


def test_in_a_zone_too_large_for_one_call_the_free_seats_of_all_rows_are_counted(
    booth: Booth, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("purchase.holds.ledger.SEATS_SEARCHED", 3)
    drawn = Zone.drawn(".##", "#.#", "###", "..#")

    assert booth.hold(drawn, records(drawn, [0]), 5) == NotFree(None, available=4)
