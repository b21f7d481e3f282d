"""RabbitMQ's exchange, queues and bindings between purchase and the models."""

import asyncio
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, ExchangeType
from contracts import routing

DECLARE_SECONDS = 20.0

TO_MODELS = "*"
"""Binding key that matches purchase's messages to the models."""

_MEBIBYTE = 2**20
QUEUES = {
    routing.WRITE_MODEL: (TO_MODELS, 1024 * _MEBIBYTE),
    routing.READ_MODEL: (TO_MODELS, 1024 * _MEBIBYTE),
    routing.PURCHASE: ("purchase.*", 64 * _MEBIBYTE),
}
"""Binding key and maximum bytes of each consumed queue."""

_DEAD_BYTES = 256 * _MEBIBYTE
_DELIVERY_LIMIT = 1_000_000


async def declare(url: str) -> None:
    """Create the exchange, queues and bindings, or check those that exist.

    Raises AMQPError, OSError, TimeoutError.
    """
    async with asyncio.timeout(DECLARE_SECONDS):
        connection = await aio_pika.connect(url)
        async with connection, connection.channel() as channel:
            await _declare(channel)


async def _declare(channel: AbstractChannel) -> None:
    exchange = await channel.declare_exchange(routing.EXCHANGE, ExchangeType.TOPIC, durable=True)
    await channel.declare_queue(routing.DEAD, durable=True, arguments=_quorum(_DEAD_BYTES))
    for name, (binding, bytes_max) in QUEUES.items():
        queue = await channel.declare_queue(name, durable=True, arguments=queue_arguments(bytes_max))
        await queue.bind(exchange, binding)


def queue_arguments(bytes_max: int) -> dict[str, Any]:
    """Arguments of a queue with dead-lettering and, to preserve order, one active consumer."""
    return _quorum(bytes_max) | {
        "x-single-active-consumer": True,
        "x-delivery-limit": _DELIVERY_LIMIT,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": routing.DEAD,
        "x-dead-letter-strategy": "at-least-once",
    }


def _quorum(bytes_max: int) -> dict[str, Any]:
    """Arguments of a replicated queue; a full one refuses messages, so the publisher notices."""
    return {"x-queue-type": "quorum", "x-max-length-bytes": bytes_max, "x-overflow": "reject-publish"}
