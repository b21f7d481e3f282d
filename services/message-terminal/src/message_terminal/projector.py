"""What a projector promises: the same messages, however often and in whatever order, end in the same rows."""

from collections.abc import Sequence
from typing import Protocol

from contracts.codec import AnyMessage

from message_terminal.parking import Refused


class DoubleSale(Exception):
    """The same sale of a seat belongs to another ticket."""


class Projector(Protocol):
    """Writes messages into one model."""

    @property
    def model(self) -> str:
        """Which one: `write` or `read`."""

    async def project(self, messages: Sequence[AnyMessage], refused: Sequence[Refused] = ()) -> None:
        """Take all of `messages` in, and park `refused`.

        Raises StoreAway when it should be tried again. Any other error has its cause in one of the messages; what was
        taken in before it may stay, because doing so again changes nothing.
        """
