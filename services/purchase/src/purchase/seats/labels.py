"""Reads seat labels as customers write them: either case, row and column either way round."""

import re

from contracts.seat import column_number

from purchase.refusals import InvalidSeatLabel
from purchase.seats.seat import Seat

BEYOND = 1_000_000
"""A number beyond every zone, for well-formed labels that are too long for any seat."""

_NUMBER = re.compile("[1-9][0-9]*", re.ASCII)
_LETTERS = re.compile("[A-Za-z]+", re.ASCII)


def parse_seat(zone_id: int, row: str, column: str) -> Seat:
    """Read the labels of a seat; letters in `row` with digits in `column` can mean only one seat.

    Raises InvalidSeatLabel.
    """
    if _LETTERS.fullmatch(row) and _NUMBER.fullmatch(column):
        row, column = column, row
    if not (_NUMBER.fullmatch(row) and _LETTERS.fullmatch(column)):
        raise InvalidSeatLabel("A seat is a row such as 10 and a column such as b.", row=row[:16], column=column[:16])
    return Seat(
        zone_id,
        int(row) if len(row) <= 6 else BEYOND,
        column_number(column.lower()) if len(column) <= 3 else BEYOND,
    )
