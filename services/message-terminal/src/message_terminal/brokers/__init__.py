"""The broker as the terminal uses it: one protocol, implemented for RabbitMQ and for Kafka."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol

from contracts.routing import BATCH_CONTENT_TYPE, READ_MODEL, WRITE_MODEL
from contracts.ticket import TicketRejected

from message_terminal.delivery import Delivery
from message_terminal.settings import READ, WRITE
from message_terminal.stores import StoreUnavailable

if TYPE_CHECKING:
    from faststream._internal.broker import BrokerUsecase

SUBSCRIPTIONS = {WRITE: WRITE_MODEL, READ: READ_MODEL}
"""Each model's queue (RabbitMQ) or consumer group (Kafka), by the model's name."""

CONNECT_SECONDS = 30.0
CONNECT_RETRY_SECONDS = 0.5


class UnusableTopology(Exception):
    """Queues or topics that exist with other settings than needed, or that cannot be created."""


class StillConsumed(Exception):
    """A queue that still has consumers, which hides its backlog; the text names the queue."""


class Receiver(Protocol):
    """A model's consumer of deliveries, at most PREFETCH_COUNT of them unacknowledged at a time."""

    @property
    def model(self) -> str:
        """The model's name."""

    def receive(self, delivery: Delivery) -> None:
        """Accept a delivery to be processed later."""


class Broker(Protocol):
    """One broker: delivers purchase's messages to the workers and rejections to purchase."""

    name: str

    @property
    def application(self) -> "BrokerUsecase[Any, Any, Any]":
        """FastStream's broker, which starts and ends with the process."""

    async def declare(self, partitions: int) -> None:
        """Create the queues or topics, or check those that exist.

        Raises StoreUnavailable, UnusableTopology.
        """

    def subscribe(self, worker: Receiver) -> None:
        """Deliver the messages for the worker's model to the worker; called before the start."""

    async def connect(self) -> None:
        """Connect to the broker. Raises StoreUnavailable."""

    async def supervise(self, on_failure: Callable[[str], None]) -> None:
        """Call `on_failure` with a reason once a consumer can no longer deliver or acknowledge."""

    @property
    def is_consuming(self) -> bool:
        """Whether all consumers run."""

    async def stop_consuming(self) -> None:
        """Stop new deliveries; earlier ones can be acknowledged while the broker is reachable."""

    async def reject(self, message: TicketRejected) -> None:
        """Publish a rejection to purchase and wait until the broker has stored it.

        Raises StoreUnavailable, because a retry is harmless.
        """

    async def is_drained(self, subscription: str) -> bool:
        """Whether a model or purchase has no backlog. Raises StoreUnavailable, StillConsumed."""

    def listening(self) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Copies of the batches that purchase publishes from now on. Raises StoreUnavailable."""


class RawCodec:
    """A codec for FastStream that passes bytes through unchanged."""

    async def decode(self, msg: Any) -> Any:
        """Return the message as received."""
        return msg

    async def encode(self, msg: Any, serializer: Any = None) -> tuple[bytes, str | None]:  # noqa: ARG002 - FastStream's
        """Return the bytes as given, with the content type of a batch."""
        return bytes(msg), BATCH_CONTENT_TYPE


async def connect_with_retries(broker: Broker) -> None:
    """Connect, retrying up to CONNECT_SECONDS while the broker starts. Raises StoreUnavailable."""
    deadline = asyncio.get_running_loop().time() + CONNECT_SECONDS
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                await broker.connect()
            return
        except TimeoutError:
            raise StoreUnavailable(f"{broker.name}: no answer within {CONNECT_SECONDS:.0f} s") from None
        except StoreUnavailable:
            if asyncio.get_running_loop().time() >= deadline:
                raise
        await asyncio.sleep(CONNECT_RETRY_SECONDS)
