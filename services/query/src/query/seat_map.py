"""Draws a zone's seats as text, one string per row and one character per seat."""

from collections.abc import Iterable, Mapping

FREE = "."
HELD = "H"
SOLD = "S"


def draw_rows(
    row_count: int, col_count: int, *, held: Mapping[int, Iterable[int]], sold: Mapping[int, Iterable[int]]
) -> list[str]:
    """Rows 1..row_count; `held` and `sold` have the columns of each row, counted from 1.

    A seat outside the zone is not drawn: its ticket may be projected before the change that makes room for it.
    """
    return [draw_row(col_count, held=held.get(row, ()), sold=sold.get(row, ())) for row in range(1, row_count + 1)]


def draw_row(col_count: int, *, held: Iterable[int], sold: Iterable[int]) -> str:
    """One row; a seat that is both is sold."""
    seats = [FREE] * col_count
    for mark, columns in ((HELD, held), (SOLD, sold)):
        for column in columns:
            if column <= col_count:
                seats[column - 1] = mark
    return "".join(seats)
