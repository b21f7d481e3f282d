"""A model of `hold_best.lua`: the best seats of a zone, by comparing every choice."""

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

Seat = tuple[int, int]
"""Row and column."""


class Zone(NamedTuple):
    """A zone's seats, and the free ones among them."""

    rows: int
    width: int
    free: frozenset[Seat]

    @classmethod
    def drawn(cls, *rows: str) -> "Zone":
        """Read each row from a text with a dot for each free seat."""
        free = {
            (row, column) for row, drawn in enumerate(rows, 1) for column, sign in enumerate(drawn, 1) if sign == "."
        }
        return cls(len(rows), len(rows[0]), frozenset(free))


class Block(NamedTuple):
    """Seats side by side."""

    row: int
    first: int
    length: int

    @property
    def seats(self) -> frozenset[Seat]:
        return frozenset((self.row, column) for column in range(self.first, self.first + self.length))


def best_seats(zone: Zone, wanted: int) -> list[Seat] | None:
    """Return the best seats in order; None when fewer are free."""
    if len(zone.free) < wanted:
        return None
    chosen: set[Seat] = set()
    while missing := wanted - len(chosen):
        block = best_block(zone, missing) or longest_run(zone)
        chosen |= block.seats
        zone = zone._replace(free=zone.free - block.seats)
    return sorted(chosen)


def best_block(zone: Zone, length: int) -> Block | None:
    """Return the best place for `length` free seats side by side.

    A place that leaves no orphan is better, then the front, the middle, the left.
    """
    every = (
        Block(row, first, length) for row in range(1, zone.rows + 1) for first in range(1, zone.width - length + 2)
    )
    free = [block for block in every if block.seats <= zone.free]
    return min(free, key=lambda block: (leaves_orphan(zone, block), *nearness(zone, block)), default=None)


def longest_run(zone: Zone) -> Block:
    return min(runs(zone), key=lambda run: (-run.length, *nearness(zone, run)))


def runs(zone: Zone) -> Iterator[Block]:
    for row in range(1, zone.rows + 1):
        seats = [(row, column) for column in range(1, zone.width + 1)]
        for is_free, side_by_side in groupby(seats, zone.free.__contains__):
            if is_free:
                run = list(side_by_side)
                yield Block(row, run[0][1], len(run))


def nearness(zone: Zone, block: Block) -> tuple[int, float, int]:
    """Return a rank: lower is nearer to the front, the middle and the left, in this order."""
    middle_of_block = block.first + (block.length - 1) / 2
    middle_of_row = (zone.width + 1) / 2
    return block.row, abs(middle_of_block - middle_of_row), block.first


def leaves_orphan(zone: Zone, block: Block) -> bool:
    """Return whether the block leaves a single free seat beside it, between taken ones."""
    left, right = block.first - 1, block.first + block.length
    return any(
        (block.row, beside) in zone.free and (block.row, beyond) not in zone.free
        for beside, beyond in ((left, left - 1), (right, right + 1))
    )


def fewest_blocks(zone: Zone, wanted: int) -> int:
    """Return the smallest number of blocks that `wanted` seats fit into."""
    lengths, blocks = sorted((run.length for run in runs(zone)), reverse=True), 0
    while wanted > 0:
        wanted -= lengths[blocks]
        blocks += 1
    return blocks
