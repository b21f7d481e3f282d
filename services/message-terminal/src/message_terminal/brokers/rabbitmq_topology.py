"""RabbitMQ's exchange, queues and bindings, by which messages find the models and the models find purchase."""

import asyncio
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, ExchangeType
from contracts import routing

STEP_SECONDS = 20.0

TO_MODELS = "*"
"""Binds what purchase tells the models."""

_MEBIBYTE = 2**20
QUEUES = {
    routing.WRITE_MODEL: (TO_MODELS, 1024 * _MEBIBYTE),
    routing.READ_MODEL: (TO_MODELS, 1024 * _MEBIBYTE),
    routing.PURCHASE: ("purchase.*", 64 * _MEBIBYTE),
}
"""Binding and bound of each queue that someone consumes."""

_DEAD_BYTES = 256 * _MEBIBYTE
_DELIVERY_LIMIT = 1_000_000


async def declare(url: str) -> None:
    """Make all of it, or find it made. Raises AMQPError, OSError, TimeoutError."""
    async with asyncio.timeout(STEP_SECONDS):
        connection = await aio_pika.connect(url)
        async with connection, connection.channel() as channel:
            await _declare(channel)


async def _declare(channel: AbstractChannel) -> None:
    exchange = await channel.declare_exchange(routing.EXCHANGE, ExchangeType.TOPIC, durable=True)
    await channel.declare_queue(routing.DEAD, durable=True, arguments=_quorum(_DEAD_BYTES))
    for name, (binding, largest_bytes) in QUEUES.items():
        queue = await channel.declare_queue(name, durable=True, arguments=lane(largest_bytes))
        await queue.bind(exchange, binding)


def lane(largest_bytes: int) -> dict[str, Any]:
    """A queue with one consumer at a time, which keeps order; what it can never deliver is kept elsewhere."""
    return _quorum(largest_bytes) | {
        "x-single-active-consumer": True,
        "x-delivery-limit": _DELIVERY_LIMIT,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": routing.DEAD,
        "x-dead-letter-strategy": "at-least-once",
    }


def _quorum(largest_bytes: int) -> dict[str, Any]:
    """A replicated queue that refuses what does not fit, so that the publisher notices."""
    return {"x-queue-type": "quorum", "x-max-length-bytes": largest_bytes, "x-overflow": "reject-publish"}
