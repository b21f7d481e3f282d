"""Draws a zone's seats as text, one string per row and one character per seat."""

from collections.abc import Iterable, Mapping

FREE = "."
SOLD = "S"


def draw_rows(row_count: int, col_count: int, sold: Mapping[int, Iterable[int]]) -> list[str]:
    """Rows 1..row_count; `sold` has the columns of each row, counted from 1.

    A sold seat outside the zone is not drawn: its ticket may be projected before the change that makes room for it.
    """
    return [draw_row(col_count, sold.get(row, ())) for row in range(1, row_count + 1)]


def draw_row(col_count: int, sold: Iterable[int]) -> str:
    """One row; `sold` has the columns, counted from 1."""
    seats = [FREE] * col_count
    for column in sold:
        if column <= col_count:
            seats[column - 1] = SOLD
    return "".join(seats)
