"""What the relay published, as it arrives at a queue."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aio_pika
from aio_pika.abc import AbstractIncomingMessage, ExchangeType
from contracts.codec import decode, split_batch
from contracts.message import Message
from contracts.position import Position
from contracts.routing import EXCHANGE, PURCHASE, to_purchase

DEADLINE_SECONDS = 30
POLL_SECONDS = 0.02


class Arrivals:
    """The AMQP messages that arrived at one queue, in their order."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()

    async def take(self, message: AbstractIncomingMessage) -> None:
        await message.ack()
        self._waiting.put_nowait(message)

    async def next(self) -> AbstractIncomingMessage:
        """The next one. Raises TimeoutError when none comes."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await self._waiting.get()

    async def positions(self, last: Position) -> list[Position]:
        """Positions of the next batches, as they come and as often, until this one."""
        positions: list[Position] = []
        while last not in positions:
            positions += positions_in((await self.next()).body)
        return positions

    def is_empty(self) -> bool:
        return self._waiting.empty()


def messages_in(body: bytes) -> list[Message]:
    """The messages of a batch, as the terminal reads them."""
    return [decode(raw) for raw in split_batch(body)]


def positions_in(body: bytes) -> list[Position]:
    return [Position.parse(str(message.position)) for message in messages_in(body)]


@asynccontextmanager
async def channel(url: str) -> AsyncIterator[aio_pika.abc.AbstractChannel]:
    """A channel to the broker."""
    async with await aio_pika.connect(url) as connection:
        yield await connection.channel()


async def declare_exchange(url: str) -> None:
    """The exchange, with no queue behind it."""
    async with channel(url) as opened:
        await opened.declare_exchange(EXCHANGE, ExchangeType.TOPIC, durable=True)


async def bind(url: str, queue: str, *, key: str = "*", arguments: Mapping[str, Any] | None = None) -> None:
    """A quorum queue with these arguments that is given what goes to the models, of one partition or of all."""
    async with channel(url) as opened:
        whole = {"x-queue-type": "quorum", **(arguments or {})}
        declared = await opened.declare_queue(queue, durable=True, arguments=whole)
        await declared.bind(EXCHANGE, key)


async def declare_for_relay(url: str) -> None:
    """What a relay process needs to start: the exchange, and the queue of what the terminal tells purchase."""
    await declare_exchange(url)
    await bind(url, PURCHASE, key="purchase.*")


async def tell_purchase(url: str, partition: int, *bodies: bytes) -> None:
    """Publish as the terminal does."""
    async with channel(url) as opened:
        exchange = await opened.get_exchange(EXCHANGE)
        for body in bodies:
            message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
            await exchange.publish(message, to_purchase(partition))


@asynccontextmanager
async def arrivals(url: str, queue: str) -> AsyncIterator[Arrivals]:
    """Consume a queue that is there."""
    taken = Arrivals()
    async with channel(url) as opened:
        await (await opened.get_queue(queue)).consume(taken.take)
        yield taken


async def until(holds: Callable[[], bool]) -> None:
    """Wait until this holds. Raises TimeoutError."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            if holds():
                return
            await asyncio.sleep(POLL_SECONDS)
