"""RabbitMQ: a queue per model, which delivers to one terminal at a time.

FastStream's handlers only pass deliveries to the worker. This process declares nothing: `setup`
created the queues, and a missing queue ends the process.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import CONNECTION_EXCEPTIONS, AMQPError, ChannelPreconditionFailed
from contracts import routing
from contracts.codec import encode, encode_batch
from contracts.ticket import TicketRejected
from faststream import AckPolicy
from faststream.rabbit import Channel, RabbitBroker, RabbitExchange, RabbitMessage, RabbitQueue
from faststream.rabbit.schemas.queue import QueueType

from message_terminal.brokers import (
    SUBSCRIPTIONS,
    RawCodec,
    Receiver,
    StillConsumed,
    UnusableTopology,
    rabbitmq_topology,
)
from message_terminal.delivery import PREFETCH_COUNT, Delivery
from message_terminal.stores import StoreUnavailable

PUBLISH_SECONDS = 5.0
ACKNOWLEDGE_SECONDS = 5.0
CANCEL_SECONDS = 2.0
DELIVER_SECONDS = 3.0
TAP_BYTES_MAX = 64 * 2**20

_EXCHANGE = RabbitExchange(routing.EXCHANGE, declare=False)
_DELIVERY_COUNT = "x-delivery-count"


class RabbitMQ:
    """RabbitMQ as the terminal's broker; `url` is amqp:// or amqps://."""

    name = "RabbitMQ"

    def __init__(self, url: str) -> None:
        self._url = url
        self.application = RabbitBroker(
            url,
            codec=RawCodec(),
            apply_types=False,
            default_channel=Channel(on_return_raises=True),
            logger=None,
            timeout=PUBLISH_SECONDS,
        )
        self._channels: list[Channel] = []

    async def declare(self, _: int) -> None:
        """Create or check the queues; each holds all partitions.

        Raises StoreUnavailable, UnusableTopology.
        """
        try:
            await rabbitmq_topology.declare(self._url)
        except ChannelPreconditionFailed as error:
            raise UnusableTopology(f"exists with other arguments: {error}") from error
        except (AMQPError, OSError) as error:
            raise _unavailable(error) from error

    def subscribe(self, worker: Receiver) -> None:
        """Deliver the model's queue to its worker."""
        channel = Channel(prefetch_count=PREFETCH_COUNT)
        self._channels.append(channel)
        queue = RabbitQueue(SUBSCRIPTIONS[worker.model], queue_type=QueueType.QUORUM, declare=False)

        @self.application.subscriber(queue, channel=channel, ack_policy=AckPolicy.MANUAL, no_reply=True)
        async def deliver(message: RabbitMessage) -> None:
            worker.receive(delivery(message))

    async def connect(self) -> None:
        """Connect to the broker. Raises StoreUnavailable."""
        try:
            await self.application.connect()
        except CONNECTION_EXCEPTIONS as error:
            raise _unavailable(error) from error

    async def supervise(self, on_failure: Callable[[str], None]) -> None:
        """Call `on_failure` when a consumer ends; its deliveries can no longer be acknowledged."""
        for channel in self._channels:
            consuming = await self.application.config.channel_manager.get_channel(channel)
            consuming.close_callbacks.add(lambda *_: on_failure("a consumer's channel closed"))
            underlying = await consuming.get_underlay_channel()
            underlying.on_consumer_cancel_callbacks.add(lambda _: on_failure("the broker cancelled a consumer"))

    @property
    def is_consuming(self) -> bool:
        """Whether all consumers run."""
        return all(subscriber.running for subscriber in self.application.subscribers)

    async def stop_consuming(self) -> None:
        """Stop new deliveries; earlier ones can be acknowledged while the broker is reachable."""
        for subscriber in self.application.subscribers:
            with suppress(*CONNECTION_EXCEPTIONS):
                async with asyncio.timeout(CANCEL_SECONDS):
                    await subscriber.stop()

    async def reject(self, message: TicketRejected) -> None:
        """Publish a rejection to purchase and wait until the broker has stored it.

        Raises StoreUnavailable, because a retry is harmless.
        """
        try:
            async with asyncio.timeout(PUBLISH_SECONDS):
                await self.application.publish(
                    encode_batch([encode(message)]),
                    exchange=_EXCHANGE,
                    routing_key=routing.to_purchase(message.partition),
                    mandatory=True,
                    persist=True,
                    message_id=message.id,
                )
        except CONNECTION_EXCEPTIONS as error:
            raise _unavailable(error) from error

    async def is_drained(self, subscription: str) -> bool:
        """Whether the queue delivers nothing to a new consumer.

        Raises StoreUnavailable, StillConsumed.
        """
        async with self._channel() as channel:
            # A quorum queue reports its length late, so one delivery is tried instead.
            queue = await channel.get_queue(subscription)
            if queue.declaration_result.consumer_count:
                raise StillConsumed(subscription)
            try:
                async with queue.iterator(timeout=DELIVER_SECONDS) as deliveries:
                    async for waiting in deliveries:
                        await waiting.nack(requeue=True)
                        return False
            except TimeoutError:
                return True
        return True

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[AsyncIterator[bytes]]:
        """Copies of the batches that purchase publishes from now on. Raises StoreUnavailable."""
        async with self._channel() as channel:
            tap = await channel.declare_queue(exclusive=True, arguments={"x-max-length-bytes": TAP_BYTES_MAX})
            await tap.bind(routing.EXCHANGE, rabbitmq_topology.TO_MODELS)
            async with tap.iterator(no_ack=True) as deliveries:
                yield (delivered.body async for delivered in deliveries)

    @asynccontextmanager
    async def _channel(self) -> AsyncIterator[AbstractChannel]:
        """A channel on a new connection. Raises StoreUnavailable."""
        try:
            async with asyncio.timeout(PUBLISH_SECONDS):
                connection = await aio_pika.connect(self._url)
            async with connection, connection.channel() as channel:
                await channel.set_qos(prefetch_count=1)
                yield channel
        except (AMQPError, OSError) as error:
            raise _unavailable(error) from error


def delivery(message: RabbitMessage) -> Delivery:
    """Convert FastStream's message to a delivery for the worker."""

    async def acknowledge() -> None:
        async with asyncio.timeout(ACKNOWLEDGE_SECONDS):
            await message.ack()

    return Delivery(bytes(message.body), redeliveries(message.headers), acknowledge)


def redeliveries(headers: Mapping[str, Any]) -> int:
    """Return how often a delivery was returned before; quorum queues count it."""
    count = headers.get(_DELIVERY_COUNT, 0)
    return count if isinstance(count, int) else 0


def _unavailable(error: BaseException) -> StoreUnavailable:
    return StoreUnavailable(f"RabbitMQ: {type(error).__name__} {error}")
