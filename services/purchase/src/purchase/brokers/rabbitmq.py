"""RabbitMQ: one persistent, confirmed message for each batch, and a queue of what the terminal tells.

Nothing is declared on the way: the terminal's `setup` did, and a queue that is missing ends the process.
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
MESSAGES_IN_HAND = 10

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
            # Confirmed is not yet delivered to a queue: a message that comes back counts as a failure.
            default_channel=Channel(publisher_confirms=True, on_return_raises=True),
        )
        self._consuming = Channel(prefetch_count=MESSAGES_IN_HAND)
        self._lost: Callable[[str], None] = log.error

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

    def subscribe(self, take: Callable[[bytes], Awaitable[None]], lost: Callable[[str], None]) -> None:
        """Hand over several at a time, and acknowledge what was taken."""
        self._lost = lost

        @self.application.subscriber(_QUEUE, channel=self._consuming, ack_policy=AckPolicy.MANUAL, no_reply=True)
        async def hand_over(message: RabbitMessage) -> None:
            try:
                await take(bytes(message.body))
            except Unavailable:
                settled = message.nack(requeue=True)
            else:
                settled = message.ack()
            async with asyncio.timeout(ACKNOWLEDGE_SECONDS):
                await settled

    async def watch(self) -> None:
        """A consumer that has ended holds messages that it can no longer acknowledge."""
        channel = await self.application.config.channel_manager.get_channel(self._consuming)
        channel.close_callbacks.add(lambda *_: self._lost("the consumer's channel closed"))
        underlying = await channel.get_underlay_channel()
        underlying.on_consumer_cancel_callbacks.add(lambda _: self._lost("the broker cancelled the consumer"))

    async def is_up(self) -> bool:
        """Whether it answers, and its consumer runs."""
        consuming = all(subscriber.running for subscriber in self.application.subscribers)
        return consuming and await self.application.ping(timeout=PING_SECONDS)
