"""Which seats are sold or held, judged from the records that Redis stores of them."""

from collections.abc import Iterator, Mapping

from contracts.catalogue import Zone
from msgspec import Struct

from purchase.seats.seat import Seat


class ClosingRow(Struct, frozen=True):
    """The seats of a row from some column on."""

    zone_id: int
    row: int
    first_column: int

    def in_use(self, records: Mapping[bytes, bytes], now_ms: int) -> list[Seat]:
        """Return those of its seats that are sold or held.

        `records` are the row's: column → seat.
        """
        columns = sorted(int(column) for column, record in records.items() if is_in_use(record, now_ms))
        return [Seat(self.zone_id, self.row, column) for column in columns if column >= self.first_column]


def is_in_use(record: bytes, now_ms: int) -> bool:
    """Return whether a seat with this record (`lua/lib/seat.lua`) is sold or held.

    A hold that has expired does not count.
    """
    if record.startswith(b"H"):
        deadline_ms = int.from_bytes(record[-8:])
        return deadline_ms == 0 or deadline_ms > now_ms
    return record.startswith(b"S")


def closing_rows(before: tuple[Zone, ...], after: tuple[Zone, ...]) -> Iterator[ClosingRow]:
    """Yield the rows with seats in `before` that have no place in `after`."""
    remaining = {zone.zone_id: zone for zone in after}
    for zone in before:
        new = remaining.get(zone.zone_id)
        for row in range(1, zone.row_count + 1):
            if new is None or row > new.row_count:
                yield ClosingRow(zone.zone_id, row, 1)
            elif zone.col_count > new.col_count:
                yield ClosingRow(zone.zone_id, row, new.col_count + 1)
