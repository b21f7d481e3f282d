"""The broker as the terminal knows it: what each of them does for the terminal, in its own way."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol

from contracts.routing import BATCH_CONTENT_TYPE, READ_MODEL, WRITE_MODEL
from contracts.ticket import TicketRejected

from message_terminal.settings import READ, WRITE
from message_terminal.stores import StoreAway
from message_terminal.worker import Delivery

if TYPE_CHECKING:
    from faststream._internal.broker import BrokerUsecase

LANES = {WRITE: WRITE_MODEL, READ: READ_MODEL}
"""Where what is for a model waits: the name of a queue, or of a group of consumers."""

CONNECT_SECONDS = 30.0
CONNECT_RETRY_SECONDS = 0.5


class Unfit(Exception):
    """What messages travel through stands there, and is not as it must be."""


class StillConsumed(Exception):
    """Somebody takes what waits, so that nobody else can see it; the text names the queue."""


class Receiver(Protocol):
    """Takes deliveries in hand for a model, no more at once than DELIVERIES_IN_HAND that are not acknowledged."""

    @property
    def model(self) -> str:
        """The model's name."""

    def receive(self, delivery: Delivery) -> None:
        """Take one in hand."""


class Broker(Protocol):
    """One broker: the queues that lead to the workers, and the one thing that the terminal tells purchase."""

    name: str

    @property
    def application(self) -> "BrokerUsecase[Any, Any, Any]":
        """FastStream's broker, which starts and ends with the process."""

    async def declare(self, partitions: int) -> None:
        """Make what messages travel through, or find it made. Raises StoreAway, Unfit."""

    def lead(self, worker: Receiver) -> None:
        """Hand what comes for the model to its worker; before the start."""

    async def connect(self) -> None:
        """Reach the broker. Raises StoreAway."""

    async def watch(self, lost: Callable[[str], None]) -> None:
        """Call `lost` from now on when a consumer has failed: it will neither bring nor acknowledge anything more."""

    @property
    def is_consuming(self) -> bool:
        """Whether all consumers run."""

    async def stop_consuming(self) -> None:
        """Ask for no more deliveries; those in hand can still be acknowledged, unless the broker is gone."""

    async def reject(self, message: TicketRejected) -> None:
        """Tell purchase, and know that it is kept for it. Raises StoreAway, because nothing is lost by trying again."""

    async def is_drained(self, lane: str) -> bool:
        """Whether nothing waits for a model, or for purchase. Raises StoreAway, StillConsumed."""

    def listening(self) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The batches that purchase publishes from now on, taken from nobody. Raises StoreAway."""


class Untouched:
    """FastStream's codec that opens nothing: handlers get the message as it came, and bytes leave as they are."""

    async def decode(self, msg: Any) -> Any:
        """The message itself."""
        return msg

    async def encode(self, msg: Any, serializer: Any = None) -> tuple[bytes, str | None]:  # noqa: ARG002 - FastStream's
        """The bytes themselves."""
        return bytes(msg), BATCH_CONTENT_TYPE


async def reach(broker: Broker) -> None:
    """Connect, waiting a bounded time for a broker that is starting. Raises StoreAway."""
    deadline = asyncio.get_running_loop().time() + CONNECT_SECONDS
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                await broker.connect()
            return
        except TimeoutError:
            raise StoreAway(f"{broker.name}: no answer within {CONNECT_SECONDS:.0f} s") from None
        except StoreAway:
            if asyncio.get_running_loop().time() >= deadline:
                raise
        await asyncio.sleep(CONNECT_RETRY_SECONDS)
