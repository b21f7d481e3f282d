"""Where a message stands in its partition's sequence.

purchase assigns positions, message-terminal stores them, and query waits for them.
"""

import re
from typing import Annotated, Self

from msgspec import Meta, Struct

from contracts.text import whole

_NUMBER = "(0|[1-9][0-9]{0,17})"
_SHAPE = re.compile(f"{_NUMBER}-{_NUMBER}")

PositionText = Annotated[
    str, Meta(pattern=whole(_SHAPE.pattern), description="`<epoch>-<sequence>`, without gaps within its partition.")
]


class MalformedPosition(ValueError):
    """The text is not `<epoch>-<sequence>`."""


class Position(Struct, frozen=True, order=True):
    """An epoch, and a sequence without gaps within it; later positions compare greater.

    Both count from 0 and have at most 18 digits.
    """

    epoch: int
    sequence: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `<epoch>-<sequence>`. Raises MalformedPosition."""
        match = _SHAPE.fullmatch(text)
        if match is None:
            raise MalformedPosition(text)
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.epoch}-{self.sequence}"
