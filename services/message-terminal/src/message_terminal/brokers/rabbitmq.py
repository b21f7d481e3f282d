"""RabbitMQ: a queue for each model, which delivers to one terminal at a time.

Handlers only hand over. Nothing is declared on the way: `setup` did, and a queue that is missing ends the process.
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

from message_terminal.brokers import LANES, Receiver, StillConsumed, Unfit, Untouched, rabbitmq_topology
from message_terminal.stores import StoreAway
from message_terminal.worker import DELIVERIES_IN_HAND, Delivery

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
            codec=Untouched(),
            apply_types=False,
            default_channel=Channel(on_return_raises=True),
            logger=None,
            timeout=PUBLISH_SECONDS,
        )
        self._channels: list[Channel] = []

    async def declare(self, _: int) -> None:
        """Its queues hold all partitions. Raises StoreAway, Unfit."""
        try:
            await rabbitmq_topology.declare(self._url)
        except ChannelPreconditionFailed as error:
            raise Unfit(f"stands there with other arguments: {error}") from error
        except (AMQPError, OSError) as error:
            raise _away(error) from error

    def lead(self, worker: Receiver) -> None:
        """Hand the deliveries of the model's queue to its worker."""
        channel = Channel(prefetch_count=DELIVERIES_IN_HAND)
        self._channels.append(channel)
        queue = RabbitQueue(LANES[worker.model], queue_type=QueueType.QUORUM, declare=False)

        @self.application.subscriber(queue, channel=channel, ack_policy=AckPolicy.MANUAL, no_reply=True)
        async def hand_over(message: RabbitMessage) -> None:
            worker.receive(delivery(message))

    async def connect(self) -> None:
        """Raises StoreAway."""
        try:
            await self.application.connect()
        except CONNECTION_EXCEPTIONS as error:
            raise _away(error) from error

    async def watch(self, lost: Callable[[str], None]) -> None:
        """Call `lost` when a consumer ends; it holds deliveries that it can no longer acknowledge."""
        for channel in self._channels:
            consuming = await self.application.config.channel_manager.get_channel(channel)
            consuming.close_callbacks.add(lambda *_: lost("a consumer's channel closed"))
            underlying = await consuming.get_underlay_channel()
            underlying.on_consumer_cancel_callbacks.add(lambda _: lost("the broker cancelled a consumer"))

    @property
    def is_consuming(self) -> bool:
        """Whether all consumers run."""
        return all(subscriber.running for subscriber in self.application.subscribers)

    async def stop_consuming(self) -> None:
        """Ask for no more deliveries; those in hand can still be acknowledged, unless the broker is gone."""
        for subscriber in self.application.subscribers:
            with suppress(*CONNECTION_EXCEPTIONS):
                async with asyncio.timeout(CANCEL_SECONDS):
                    await subscriber.stop()

    async def reject(self, message: TicketRejected) -> None:
        """Tell purchase, and know that it is kept for it. Raises StoreAway, because nothing is lost by trying again."""
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
            raise _away(error) from error

    async def is_drained(self, lane: str) -> bool:
        """Whether the queue delivers nothing to whoever asks. Raises StoreAway, StillConsumed."""
        async with self._channel() as channel:
            # How many wait in a quorum queue is told late: what it delivers is true.
            queue = await channel.get_queue(lane)
            if queue.declaration_result.consumer_count:
                raise StillConsumed(lane)
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
        """Raises StoreAway."""
        async with self._channel() as channel:
            tap = await channel.declare_queue(exclusive=True, arguments={"x-max-length-bytes": TAP_BYTES_MAX})
            await tap.bind(routing.EXCHANGE, rabbitmq_topology.TO_MODELS)
            async with tap.iterator(no_ack=True) as deliveries:
                yield (delivered.body async for delivered in deliveries)

    @asynccontextmanager
    async def _channel(self) -> AsyncIterator[AbstractChannel]:
        """A connection of its own. Raises StoreAway."""
        try:
            async with asyncio.timeout(PUBLISH_SECONDS):
                connection = await aio_pika.connect(self._url)
            async with connection, connection.channel() as channel:
                await channel.set_qos(prefetch_count=1)
                yield channel
        except (AMQPError, OSError) as error:
            raise _away(error) from error


def delivery(message: RabbitMessage) -> Delivery:
    """The message as the worker knows it."""

    async def acknowledge() -> None:
        async with asyncio.timeout(ACKNOWLEDGE_SECONDS):
            await message.ack()

    return Delivery(bytes(message.body), redeliveries(message.headers), acknowledge)


def redeliveries(headers: Mapping[str, Any]) -> int:
    """How often a delivery came back before this time; quorum queues count it."""
    count = headers.get(_DELIVERY_COUNT, 0)
    return count if isinstance(count, int) else 0


def _away(error: BaseException) -> StoreAway:
    return StoreAway(f"RabbitMQ: {type(error).__name__} {error}")
