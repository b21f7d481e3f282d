"""The last projected position of a partition, and the gaps between positions."""

import pytest
from contracts.position import Position
from message_terminal.parking import Refused
from message_terminal.read_model.changes import Rows
from message_terminal.read_model.positions import advance, follows, positions_of
from message_terminal.read_model.rows import PositionRow

from tests.stage.messages import purchased, venue_defined


def reached(*rows: PositionRow) -> Rows[int, PositionRow]:
    """Return positions as stored."""
    return Rows({row.partition_id: row for row in rows})


@pytest.mark.parametrize(
    ("stored", "position"),
    [(None, "1-0"), (None, "7-0"), ("1-4", "1-5"), ("1-4", "2-0"), ("1-4", "9-0")],
)
def test_the_next_position_leaves_no_gap(stored: str | None, position: str) -> None:
    assert follows(Position.parse(position), Position.parse(stored) if stored else None)


@pytest.mark.parametrize(("stored", "position"), [(None, "1-1"), ("1-4", "1-6"), ("1-4", "2-1")])
def test_a_skipped_position_is_a_gap(stored: str | None, position: str) -> None:
    assert not follows(Position.parse(position), Position.parse(stored) if stored else None)


def test_a_partition_moves_to_the_highest_position_seen() -> None:
    rows = reached(PositionRow(partition_id=3), PositionRow(partition_id=4, epoch=1, sequence=8))
    gaps = advance(rows, {3: [Position(1, 1), Position(1, 0)], 4: [Position(1, 9), Position(2, 0)]})
    assert gaps == 0
    assert rows.changed() == [
        PositionRow(partition_id=3, epoch=1, sequence=1),
        PositionRow(partition_id=4, epoch=2, sequence=0),
    ]


def test_repeated_and_late_positions_change_nothing_and_are_no_gap() -> None:
    rows = reached(PositionRow(partition_id=3, epoch=2, sequence=5))
    assert advance(rows, {3: [Position(2, 5), Position(1, 99), Position(2, 2)]}) == 0
    assert rows.changed() == []


def test_each_gap_is_counted_once() -> None:
    rows = reached(PositionRow(partition_id=3, epoch=1, sequence=0))
    assert advance(rows, {3: [Position(1, 2), Position(1, 3), Position(1, 9)]}) == 2


def test_a_position_of_an_unknown_partition_is_ignored() -> None:
    rows = reached(PositionRow(partition_id=3))
    assert advance(rows, {99: [Position(1, 0)]}) == 0
    assert rows.new() == []


def test_parked_messages_count_as_projected() -> None:
    refused = [
        Refused(b'{"partition":4,"position":"1-7"}', "unknown"),
        Refused(b'{"partition":4,"position":"nowhere"}', "unknown"),
        Refused(b"\xff", "no batch"),
    ]
    seen = positions_of([purchased(position="1-2"), venue_defined(position="1-3")], refused)
    assert seen == {3: [Position(1, 2), Position(1, 3)], 4: [Position(1, 7)]}
