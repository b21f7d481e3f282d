"""Labels of seats: rows "1", "2", …; columns "a", "b", … "z", "aa", "ab", … (bijective base 26)."""

from typing import Annotated

from msgspec import Meta

from contracts.text import whole

RowLabel = Annotated[str, Meta(pattern=whole("[1-9][0-9]{0,3}"), description="Counted from 1.")]
ColumnLabel = Annotated[str, Meta(pattern=whole("[a-z]{1,2}"), description="`a` … `z`, `aa`, `ab`, …")]


def column_label(number: int) -> str:
    """Return the letters of the column with this number, counted from 1."""
    letters = ""
    while number:
        number, letter = divmod(number - 1, 26)
        letters = chr(ord("a") + letter) + letters
    return letters


def column_number(letters: str) -> int:
    """Return the number, counted from 1, of the column with these lower-case letters."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("a") + 1
    return number
