"""RabbitMQ: one persistent, confirmed message per batch, and a queue of the terminal's messages.

This process declares nothing: the terminal's `setup` created the queues, and a missing queue ends
the process.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from contracts.routing import BATCH_CONTENT_TYPE, EXCHANGE, PURCHASE, to_models
from faststream import AckPolicy
from faststream.rabbit import Channel, ExchangeType, RabbitBroker, RabbitExchange, RabbitMessage, RabbitQueue
from faststream.rabbit.schemas.queue import QueueType

from purchase.brokers import PUBLISH_SECONDS, RawCodec
from purchase.store.connection import Unavailable

ACKNOWLEDGE_SECONDS = 5.0
PING_SECONDS = 1.0
PREFETCH_COUNT = 10

log = logging.getLogger(__name__)

_EXCHANGE = RabbitExchange(EXCHANGE, type=ExchangeType.TOPIC, durable=True, declare=False)
_QUEUE = RabbitQueue(PURCHASE, queue_type=QueueType.QUORUM, declare=False)


class RabbitMQ:
    """RabbitMQ as purchase's broker; `url` is amqp:// or amqps://."""

    name = "rabbitmq"

    def __init__(self, url: str) -> None:
        self.application = RabbitBroker(
            url,
            codec=RawCodec(),
            apply_types=False,
            logger=None,
            timeout=PUBLISH_SECONDS,
            # A message can be confirmed without reaching a queue: a returned one is a failure.
            default_channel=Channel(publisher_confirms=True, on_return_raises=True),
        )
        self._consuming = Channel(prefetch_count=PREFETCH_COUNT)
        self._on_failure: Callable[[str], None] = log.error

    async def publish(self, partition: int, batch: bytes) -> None:
        """Return once the broker has the batch on disk in every queue."""
        await self.application.publish(
            batch,
            exchange=_EXCHANGE,
            routing_key=to_models(partition),
            mandatory=True,
            persist=True,
            content_type=BATCH_CONTENT_TYPE,
            timeout=PUBLISH_SECONDS,
        )

    def subscribe(self, handle: Callable[[bytes], Awaitable[None]], on_failure: Callable[[str], None]) -> None:
        """Deliver several messages at a time, and acknowledge each once it is handled."""
        self._on_failure = on_failure

        @self.application.subscriber(_QUEUE, channel=self._consuming, ack_policy=AckPolicy.MANUAL, no_reply=True)
        async def deliver(message: RabbitMessage) -> None:
            try:
                await handle(bytes(message.body))
            except Unavailable:
                acknowledgement = message.nack(requeue=True)
            else:
                acknowledgement = message.ack()
            async with asyncio.timeout(ACKNOWLEDGE_SECONDS):
                await acknowledgement

    async def supervise(self) -> None:
        """Report a consumer that ends; its deliveries can no longer be acknowledged."""
        channel = await self.application.config.channel_manager.get_channel(self._consuming)
        channel.close_callbacks.add(lambda *_: self._on_failure("the consumer's channel closed"))
        underlying = await channel.get_underlay_channel()
        underlying.on_consumer_cancel_callbacks.add(lambda _: self._on_failure("the broker cancelled the consumer"))

    async def is_up(self) -> bool:
        """Whether the broker answers and its consumer runs."""
        consuming = all(subscriber.running for subscriber in self.application.subscribers)
        return consuming and await self.application.ping(timeout=PING_SECONDS)
