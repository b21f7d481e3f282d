"""The broker as the relay uses it: one protocol, implemented for RabbitMQ and for Kafka."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

from contracts.routing import BATCH_CONTENT_TYPE

if TYPE_CHECKING:
    from faststream._internal.broker import BrokerUsecase

PUBLISH_SECONDS = 10.0
"""How long the relay waits for the confirmation of a batch."""


class Broker(Protocol):
    """One broker: carries purchase's messages to the models and the terminal's to purchase."""

    name: str
    """As in the settings."""

    @property
    def application(self) -> "BrokerUsecase[Any, Any, Any]":
        """FastStream's broker, which starts and ends with the process."""

    async def publish(self, partition: int, batch: bytes) -> None:
        """Return once the broker has the batch on disk for every model.

        Raises any exception of the broker or the connection: the outcome is then unknown.
        """

    def subscribe(self, handle: Callable[[bytes], Awaitable[None]], on_failure: Callable[[str], None]) -> None:
        """Deliver the terminal's messages to `handle`; called before the start.

        A message for which it raises Unavailable is redelivered. `on_failure` is called with a
        reason when only a restart of the process can help.
        """

    async def supervise(self) -> None:
        """Deliver from now on, and report a consumer that ends; called after the start."""

    async def is_up(self) -> bool:
        """Whether the broker answers and its consumer runs."""


class RawCodec:
    """A codec for FastStream that passes bytes through unchanged."""

    async def decode(self, msg: Any) -> Any:
        """Return the message as received."""
        return msg

    async def encode(self, msg: Any, serializer: Any = None) -> tuple[bytes, str | None]:  # noqa: ARG002 - FastStream's
        """Return the bytes as given, with the content type of a batch."""
        return bytes(msg), BATCH_CONTENT_TYPE
