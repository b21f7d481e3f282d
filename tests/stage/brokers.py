"""The broker as tests use it in purchase's place: RabbitMQ or Kafka, whichever was asked for."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

import aio_pika
import aio_pika.abc
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from contracts import routing

TAKE_SECONDS = 20


class Wire(Protocol):
    """A place on a broker, of the test's own; the terminal's `setup` declares what is in it."""

    broker: str

    @property
    def settings(self) -> Mapping[str, str]:
        """What services are told, to find it."""

    async def publish(self, partition: int, bodies: Sequence[bytes]) -> None:
        """Tell the models, in order, as the relay does."""

    async def take(self, lane: str, count: int = 1) -> list[bytes]:
        """Take so many batches from where they wait for a model or for purchase, waiting for them."""


class RabbitMQWire:
    """A vhost."""

    broker = "rabbitmq"

    def __init__(self, url: str) -> None:
        self._url = url
        self.settings = {"BROKER": self.broker, "RABBITMQ_URL": url}

    async def publish(self, partition: int, bodies: Sequence[bytes]) -> None:
        async with channel(self._url) as open_channel:
            exchange = await open_channel.get_exchange(routing.EXCHANGE)
            for body in bodies:
                message = aio_pika.Message(
                    body, content_type=routing.BATCH_CONTENT_TYPE, delivery_mode=aio_pika.DeliveryMode.PERSISTENT
                )
                await exchange.publish(message, routing.to_models(partition), timeout=10)

    async def take(self, lane: str, count: int = 1) -> list[bytes]:
        taken: list[bytes] = []
        async with channel(self._url) as open_channel:
            queue = await open_channel.get_queue(lane)
            async with queue.iterator(timeout=TAKE_SECONDS) as messages:
                async for message in messages:
                    taken.append(message.body)
                    await message.ack()
                    if len(taken) == count:
                        break
        return taken


class KafkaWire:
    """A whole server, because topics have the same names everywhere."""

    broker = "kafka"

    def __init__(self, servers: str, settings: Mapping[str, str]) -> None:
        self._servers = servers
        self.settings = {"BROKER": self.broker, "KAFKA_BOOTSTRAP_SERVERS": servers, **settings}

    async def publish(self, partition: int, bodies: Sequence[bytes]) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self._servers, acks="all") as producer:
            for body in bodies:
                key = str(partition).encode()
                await producer.send_and_wait(routing.MESSAGES, body, key=key, partition=partition)

    async def take(self, lane: str, count: int = 1) -> list[bytes]:
        topic = routing.PURCHASE if lane == routing.PURCHASE else routing.MESSAGES
        taken: list[bytes] = []
        told: dict[str, Any] = {"group_id": lane, "enable_auto_commit": False, "auto_offset_reset": "earliest"}
        # As short as Kafka allows: a private one lets whoever joins a group wait for half of it.
        told |= {"session_timeout_ms": 6_000, "heartbeat_interval_ms": 2_000}
        async with AIOKafkaConsumer(topic, bootstrap_servers=self._servers, **told) as consumer:
            while len(taken) < count:
                record = await asyncio.wait_for(consumer.getone(), TAKE_SECONDS)
                taken.append(record.value)
                await consumer.commit()
        return taken


@asynccontextmanager
async def channel(url: str) -> AsyncIterator[aio_pika.abc.AbstractChannel]:
    """A channel on which a message that nobody gets is an error."""
    connection = await aio_pika.connect(url)
    async with connection, connection.channel(on_return_raises=True) as channel:
        yield channel
