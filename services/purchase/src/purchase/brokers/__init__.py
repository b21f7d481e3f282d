"""The broker as the relay knows it: what each of them does for purchase, in its own way."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

from contracts.routing import BATCH_CONTENT_TYPE

if TYPE_CHECKING:
    from faststream._internal.broker import BrokerUsecase

PUBLISH_SECONDS = 10.0
"""How long a batch is waited for until it counts as unconfirmed."""


class Broker(Protocol):
    """One broker: the way on which purchase tells the models, and the one on which the terminal tells purchase."""

    name: str
    """As the settings call it."""

    @property
    def application(self) -> "BrokerUsecase[Any, Any, Any]":
        """FastStream's broker, which starts and ends with the process."""

    async def publish(self, partition: int, batch: bytes) -> None:
        """Return once the broker has the batch on disk for every model.

        Raises whatever the broker or the connection says: the batch may or may not have arrived.
        """

    def subscribe(self, take: Callable[[bytes], Awaitable[None]], lost: Callable[[str], None]) -> None:
        """Hand over what the terminal tells, and keep what could not be taken (Unavailable); before the start.

        `lost` is called when only a process that starts anew can go on.
        """

    async def watch(self) -> None:
        """Hand over from now on, and notice when that ends; after the start."""

    async def is_up(self) -> bool:
        """Whether the broker answers, and hands over what it is told."""


class RawCodec:
    """FastStream's codec that opens nothing: handlers get the message as it came, and bytes leave as they are."""

    async def decode(self, msg: Any) -> Any:
        """The message itself."""
        return msg

    async def encode(self, msg: Any, serializer: Any = None) -> tuple[bytes, str | None]:  # noqa: ARG002 - FastStream's
        """The bytes themselves."""
        return bytes(msg), BATCH_CONTENT_TYPE
