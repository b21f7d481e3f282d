"""The seats of a zone as text: one string per row, one character per seat."""

from collections.abc import Iterable, Mapping

FREE = "."
HELD = "H"
SOLD = "S"


def draw_rows(
    row_count: int, col_count: int, *, held: Mapping[int, Iterable[int]], sold: Mapping[int, Iterable[int]]
) -> list[str]:
    """Draw rows 1..row_count; `held` and `sold` map a row to its columns, counted from 1.

    Seats outside the zone are skipped: a ticket may be projected before the change of the venue
    that adds its seat.
    """
    return [draw_row(col_count, held=held.get(row, ()), sold=sold.get(row, ())) for row in range(1, row_count + 1)]


def draw_row(col_count: int, *, held: Iterable[int], sold: Iterable[int]) -> str:
    """Draw one row; a seat that is held and sold is drawn as sold."""
    seats = [FREE] * col_count
    for mark, columns in ((HELD, held), (SOLD, sold)):
        for column in columns:
            if column <= col_count:
                seats[column - 1] = mark
    return "".join(seats)
