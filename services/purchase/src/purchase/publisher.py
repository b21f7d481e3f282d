"""The relay's way to RabbitMQ: one persistent, confirmed AMQP message for each batch."""

from typing import Any

from contracts.routing import BATCH_CONTENT_TYPE, EXCHANGE, to_models
from faststream.message import StreamMessage
from faststream.rabbit import Channel, ExchangeType, RabbitBroker, RabbitExchange

PUBLISH_SECONDS = 10.0

# Declared by the terminal's `setup`; here it is only named.
_EXCHANGE = RabbitExchange(EXCHANGE, type=ExchangeType.TOPIC, durable=True, declare=False)


class RawCodec:
    """Bodies are bytes that others encode and decode; a message that comes is handed over as it is."""

    async def decode(self, msg: StreamMessage[Any]) -> Any:
        return msg

    async def encode(self, msg: Any, serializer: Any = None) -> tuple[bytes, str | None]:  # noqa: ARG002 - the protocol's
        return msg, BATCH_CONTENT_TYPE


def connect_broker(url: str) -> RabbitBroker:
    """A broker whose returned messages count as failures: confirmed is not yet delivered to a queue."""
    return RabbitBroker(
        url,
        codec=RawCodec(),
        apply_types=False,
        logger=None,
        timeout=PUBLISH_SECONDS,
        default_channel=Channel(publisher_confirms=True, on_return_raises=True),
    )


class Publisher:
    """Publishes what one partition has to tell the models."""

    def __init__(self, broker: RabbitBroker) -> None:
        self._broker = broker

    async def publish(self, partition: int, batch: bytes) -> None:
        """Return once the broker has the batch on disk in every queue.

        Raises whatever the broker or the connection says: the batch may or may not have arrived.
        """
        await self._broker.publish(
            batch,
            exchange=_EXCHANGE,
            routing_key=to_models(partition),
            mandatory=True,
            persist=True,
            content_type=BATCH_CONTENT_TYPE,
            timeout=PUBLISH_SECONDS,
        )
