"""The projector protocol: the result does not depend on order or repetition of messages."""

from collections.abc import Sequence
from typing import Protocol

from contracts.codec import AnyMessage

from message_terminal.parking import Refused


class DoubleSale(Exception):
    """A sale of a seat that belongs to another ticket in the same generation."""


class Projector(Protocol):
    """A writer of messages to one model."""

    @property
    def model(self) -> str:
        """The model's name: `write` or `read`."""

    async def project(self, messages: Sequence[AnyMessage], refused: Sequence[Refused] = ()) -> None:
        """Write all `messages` to the model, and park `refused`.

        Raises StoreUnavailable when the caller should retry. One of the messages causes any other
        error. Writes made before the error may stay, because repeating them changes nothing.
        """
