"""Which queue leads to which worker, and the one thing that the terminal tells purchase; all that knows RabbitMQ.

Handlers only hand over. Nothing is declared here: `setup` did, and a queue that is missing ends the process.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from contracts import routing
from contracts.codec import encode, encode_batch
from contracts.ticket import TicketRejected
from faststream import AckPolicy
from faststream.rabbit import Channel, RabbitBroker, RabbitExchange, RabbitMessage, RabbitQueue
from faststream.rabbit.schemas.queue import QueueType

from message_terminal.settings import READ, WRITE
from message_terminal.stores import StoreAway
from message_terminal.worker import DELIVERIES_IN_HAND, Delivery, Worker

QUEUES = {WRITE: routing.WRITE_MODEL, READ: routing.READ_MODEL}
CONNECT_SECONDS = 30.0
CONNECT_RETRY_SECONDS = 0.5
PUBLISH_SECONDS = 5.0
ACKNOWLEDGE_SECONDS = 5.0
CANCEL_SECONDS = 2.0

_EXCHANGE = RabbitExchange(routing.EXCHANGE, declare=False)
_DELIVERY_COUNT = "x-delivery-count"


class Untouched:
    """The codec that opens nothing: handlers get the message as it came, and bytes leave as they are."""

    async def decode(self, msg: Any) -> Any:
        """The message itself."""
        return msg

    async def encode(self, msg: Any, serializer: Any = None) -> tuple[bytes, str | None]:  # noqa: ARG002 - FastStream's
        """The bytes themselves."""
        return bytes(msg), None


class Routes:
    """The broker's end of the terminal."""

    def __init__(self, url: str) -> None:
        self.broker = RabbitBroker(
            url,
            codec=Untouched(),
            apply_types=False,
            default_channel=Channel(on_return_raises=True),
            logger=None,
            timeout=PUBLISH_SECONDS,
        )
        self._channels: list[Channel] = []

    def lead(self, worker: Worker) -> None:
        """Hand the deliveries of the model's queue to its worker."""
        channel = Channel(prefetch_count=DELIVERIES_IN_HAND)
        self._channels.append(channel)
        queue = RabbitQueue(QUEUES[worker.model], queue_type=QueueType.QUORUM, declare=False)

        @self.broker.subscriber(queue, channel=channel, ack_policy=AckPolicy.MANUAL, no_reply=True)
        async def hand_over(message: RabbitMessage) -> None:
            worker.receive(delivery(message))

    async def connect(self) -> None:
        """Reach the broker, waiting a bounded time for one that is starting. Raises StoreAway."""
        deadline = asyncio.get_running_loop().time() + CONNECT_SECONDS
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    await self.broker.connect()
                return
            except CONNECTION_EXCEPTIONS as error:
                if asyncio.get_running_loop().time() >= deadline:
                    raise _away(error) from error
            await asyncio.sleep(CONNECT_RETRY_SECONDS)

    async def watch(self, lost: Callable[[str], None]) -> None:
        """Call `lost` when a consumer ends; it holds deliveries that it can no longer acknowledge."""
        for channel in self._channels:
            consuming = await self.broker.config.channel_manager.get_channel(channel)
            consuming.close_callbacks.add(lambda *_: lost("a consumer's channel closed"))
            underlying = await consuming.get_underlay_channel()
            underlying.on_consumer_cancel_callbacks.add(lambda _: lost("the broker cancelled a consumer"))

    async def stop_consuming(self) -> None:
        """Ask for no more deliveries; those in hand can still be acknowledged, unless the broker is gone."""
        for subscriber in self.broker.subscribers:
            with suppress(*CONNECTION_EXCEPTIONS):
                async with asyncio.timeout(CANCEL_SECONDS):
                    await subscriber.stop()

    async def reject(self, message: TicketRejected) -> None:
        """Tell purchase, and know that it is kept for it. Raises StoreAway, because nothing is lost by trying again."""
        try:
            async with asyncio.timeout(PUBLISH_SECONDS):
                await self.broker.publish(
                    encode_batch([encode(message)]),
                    exchange=_EXCHANGE,
                    routing_key=routing.to_purchase(message.partition),
                    mandatory=True,
                    persist=True,
                    message_id=message.id,
                    content_type=routing.BATCH_CONTENT_TYPE,
                )
        except CONNECTION_EXCEPTIONS as error:
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
