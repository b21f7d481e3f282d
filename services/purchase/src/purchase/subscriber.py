"""The relay's way from RabbitMQ: what the terminal tells purchase; the queue is declared by the terminal's `setup`."""

import asyncio
from collections.abc import Awaitable, Callable

from contracts.routing import PURCHASE
from faststream import AckPolicy
from faststream.rabbit import Channel, RabbitBroker, RabbitMessage, RabbitQueue
from faststream.rabbit.schemas.queue import QueueType

from purchase.outbox import Unavailable

MESSAGES_IN_HAND = 10
ACKNOWLEDGE_SECONDS = 5.0


class Subscriber:
    """Hands over what comes, several at a time, and acknowledges what was taken."""

    def __init__(self, broker: RabbitBroker, take: Callable[[bytes], Awaitable[None]]) -> None:
        self._broker = broker
        self._channel = Channel(prefetch_count=MESSAGES_IN_HAND)
        queue = RabbitQueue(PURCHASE, queue_type=QueueType.QUORUM, declare=False)

        @broker.subscriber(queue, channel=self._channel, ack_policy=AckPolicy.MANUAL, no_reply=True)
        async def hand_over(message: RabbitMessage) -> None:
            try:
                await take(bytes(message.body))
            except Unavailable:
                settled = message.nack(requeue=True)
            else:
                settled = message.ack()
            async with asyncio.timeout(ACKNOWLEDGE_SECONDS):
                await settled

    @property
    def is_running(self) -> bool:
        return all(subscriber.running for subscriber in self._broker.subscribers)

    async def watch(self, lost: Callable[[str], None]) -> None:
        """Call `lost` when the consumer ends; it holds messages that it can no longer acknowledge."""
        channel = await self._broker.config.channel_manager.get_channel(self._channel)
        channel.close_callbacks.add(lambda *_: lost("the consumer's channel closed"))
        underlying = await channel.get_underlay_channel()
        underlying.on_consumer_cancel_callbacks.add(lambda _: lost("the broker cancelled the consumer"))
