"""The last projected position of each partition, and gaps between positions."""

from collections.abc import Iterable

from contracts.codec import AnyMessage
from contracts.position import Position

from message_terminal.parking import Refused
from message_terminal.read_model.changes import Rows
from message_terminal.read_model.rows import PositionRow


def positions_of(messages: Iterable[AnyMessage], refused: Iterable[Refused]) -> dict[int, list[Position]]:
    """Return the positions of a batch by partition; a parked message counts as projected."""
    seen: dict[int, list[Position]] = {}
    for message in messages:
        if message.position is not None:
            seen.setdefault(message.partition, []).append(Position.parse(message.position))
    for parked in refused:
        if parked.position is not None and parked.header.partition is not None:
            seen.setdefault(parked.header.partition, []).append(parked.position)
    return seen


def advance(reached: Rows[int, PositionRow], seen: dict[int, list[Position]]) -> int:
    """Move each partition to its highest position in `seen`, and return the number of gaps."""
    gaps = 0
    for partition, positions in seen.items():
        row = reached.get(partition)
        if row is None:
            continue
        for position in sorted(positions):
            stored = None if row.epoch is None or row.sequence is None else Position(row.epoch, row.sequence)
            if stored is not None and position <= stored:
                continue
            gaps += not follows(position, stored)
            row = PositionRow(partition_id=partition, epoch=position.epoch, sequence=position.sequence)
        reached.put(partition, row)
    return gaps


def follows(position: Position, stored: Position | None) -> bool:
    """Whether the position is the next of its epoch, or the first of a newer one: no gap."""
    if stored is not None and position.epoch == stored.epoch:
        return position.sequence == stored.sequence + 1
    return position.sequence == 0
