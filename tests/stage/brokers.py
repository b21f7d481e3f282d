"""RabbitMQ and Kafka for tests: each publishes and receives in place of any service."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, ExchangeType
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from contracts import routing
from infra_local.running import RunningServer

from tests.stage.builders import PARTITIONS
from tests.stage.published_batches import PublishedBatch, PublishedBatches

TAKE_SECONDS = 20
OBSERVER = "observer"
"""A queue beside those of the terminal."""


class Broker(Protocol):
    """A broker that no other test uses; the terminal's `setup`, or `declare`, fills it."""

    name: str

    @property
    def settings(self) -> Mapping[str, str]:
        """The settings with which services use this broker."""

    async def declare(self) -> None:
        """Declare what a relay needs, and a place where tests observe its batches."""

    def published(self, partition: int | None = None) -> AbstractAsyncContextManager[PublishedBatches]:
        """Observe the batches of one partition, or of all, from the first one on."""

    async def publish(self, partition: int, bodies: Sequence[bytes]) -> None:
        """Publish these batches in order, as the relay does."""

    async def publish_to_purchase(self, partition: int, *bodies: bytes) -> None:
        """Publish these batches in order to purchase, as the terminal does."""

    async def take(self, subscription: str, count: int = 1) -> list[bytes]:
        """Wait for so many batches of a model or of purchase, and acknowledge them."""


def private_broker(name: str, server: RunningServer) -> Broker:
    """Return the broker of a private instance."""
    if name == "rabbitmq":
        return RabbitMQBroker(server.url)
    return KafkaBroker(server.url, {"KAFKA_IDEMPOTENCE": "false"})


class RabbitMQBroker:
    """A vhost."""

    name = "rabbitmq"

    def __init__(self, url: str) -> None:
        self._url = url
        self.settings = {"BROKER": self.name, "RABBITMQ_URL": url}

    async def declare(self) -> None:
        await self.declare_exchange()
        await self.bind(routing.PURCHASE, key="purchase.*")
        await self.bind(OBSERVER)

    async def declare_exchange(self) -> None:
        """Declare the exchange, without queues."""
        async with channel(self._url) as opened:
            await opened.declare_exchange(routing.EXCHANGE, ExchangeType.TOPIC, durable=True)

    async def bind(self, queue: str, *, key: str = "*", arguments: Mapping[str, Any] | None = None) -> None:
        """Bind a quorum queue with these arguments, by default to the messages for the models."""
        async with channel(self._url) as opened:
            whole = {"x-queue-type": "quorum", **(arguments or {})}
            declared = await opened.declare_queue(queue, durable=True, arguments=whole)
            await declared.bind(routing.EXCHANGE, key)

    @asynccontextmanager
    async def published(
        self, partition: int | None = None, *, queue: str = OBSERVER
    ) -> AsyncIterator[PublishedBatches]:
        batches = PublishedBatches()

        async def receive(message: AbstractIncomingMessage) -> None:
            await message.ack()
            batch = PublishedBatch(message.body, int(message.routing_key or ""), message.content_type)
            if partition in (None, batch.partition):
                batches.add(batch)

        async with channel(self._url) as opened:
            await (await opened.get_queue(queue)).consume(receive)
            yield batches

    async def publish(self, partition: int, bodies: Sequence[bytes]) -> None:
        await self._publish(routing.to_models(partition), bodies, content_type=routing.BATCH_CONTENT_TYPE)

    async def publish_to_purchase(self, partition: int, *bodies: bytes) -> None:
        await self._publish(routing.to_purchase(partition), bodies)

    async def take(self, subscription: str, count: int = 1) -> list[bytes]:
        taken: list[bytes] = []
        async with channel(self._url) as opened:
            queue = await opened.get_queue(subscription)
            async with queue.iterator(timeout=TAKE_SECONDS) as messages:
                async for message in messages:
                    taken.append(message.body)
                    await message.ack()
                    if len(taken) == count:
                        break
        return taken

    async def _publish(self, key: str, bodies: Sequence[bytes], *, content_type: str | None = None) -> None:
        async with channel(self._url) as opened:
            exchange = await opened.get_exchange(routing.EXCHANGE)
            for body in bodies:
                message = aio_pika.Message(
                    body, content_type=content_type, delivery_mode=aio_pika.DeliveryMode.PERSISTENT
                )
                await exchange.publish(message, key, timeout=10)


class KafkaBroker:
    """A whole server, because topics have the same names everywhere."""

    name = "kafka"

    def __init__(self, servers: str, settings: Mapping[str, str] | None = None) -> None:
        self._servers = servers
        self.settings = {"BROKER": self.name, "KAFKA_BOOTSTRAP_SERVERS": servers, **(settings or {})}

    async def declare(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._servers)
        await admin.start()
        await admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in (routing.MESSAGES, routing.PURCHASE)])
        await admin.close()

    @asynccontextmanager
    async def published(self, partition: int | None = None) -> AsyncIterator[PublishedBatches]:
        batches = PublishedBatches()
        observed = range(PARTITIONS) if partition is None else [partition]
        consumer = AIOKafkaConsumer(bootstrap_servers=self._servers, auto_offset_reset="earliest")
        consumer.assign([TopicPartition(routing.MESSAGES, number) for number in observed])

        async def observe() -> None:
            async for record in consumer:
                batches.add(_batch_of(record))

        async with consumer, asyncio.TaskGroup() as tasks:
            observing = tasks.create_task(observe())
            yield batches
            observing.cancel()

    async def publish(self, partition: int, bodies: Sequence[bytes]) -> None:
        await self._publish(routing.MESSAGES, partition, bodies)

    async def publish_to_purchase(self, partition: int, *bodies: bytes) -> None:
        await self._publish(routing.PURCHASE, partition, bodies)

    async def take(self, subscription: str, count: int = 1) -> list[bytes]:
        topic = routing.PURCHASE if subscription == routing.PURCHASE else routing.MESSAGES
        taken: list[bytes] = []
        # The shortest times that Kafka allows: a private one delays each join of a group by half of
        # the session's timeout.
        times: dict[str, Any] = {"session_timeout_ms": 6_000, "heartbeat_interval_ms": 2_000}
        async with AIOKafkaConsumer(
            topic,
            bootstrap_servers=self._servers,
            group_id=subscription,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            **times,
        ) as consumer:
            while len(taken) < count:
                record = await asyncio.wait_for(consumer.getone(), TAKE_SECONDS)
                taken.append(record.value)
                await consumer.commit()
        return taken

    async def _publish(self, topic: str, partition: int, bodies: Sequence[bytes]) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self._servers, acks="all") as producer:
            for body in bodies:
                await producer.send_and_wait(topic, body, key=str(partition).encode(), partition=partition)


def _batch_of(record: ConsumerRecord) -> PublishedBatch:
    assert record.key == str(record.partition).encode()
    return PublishedBatch(record.value, record.partition, dict(record.headers)["content-type"].decode())


@asynccontextmanager
async def channel(url: str) -> AsyncIterator[AbstractChannel]:
    """A channel on which a message without a queue is an error."""
    connection = await aio_pika.connect(url)
    async with connection, connection.channel(on_return_raises=True) as channel:
        yield channel
