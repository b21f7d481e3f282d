"""The brokers as relays find them: what `setup` made, where what they publish arrives, and what the terminal tells."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

import aio_pika
from aio_pika.abc import AbstractIncomingMessage, ExchangeType
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from contracts.routing import EXCHANGE, MESSAGES, PURCHASE, to_purchase
from infra_local.running import RunningServer

from tests.stage.arrivals import Arrival, Arrivals
from tests.stage.brokers import channel
from tests.stage.builders import PARTITIONS

OBSERVER = "observer"


class Line(Protocol):
    """One broker."""

    async def declare(self) -> None:
        """What a relay needs, and a place where everything arrives that it publishes."""

    def arrivals(self, partition: int | None = None) -> AbstractAsyncContextManager[Arrivals]:
        """What has arrived there, and what comes: of one partition, or of all."""

    async def tell_purchase(self, partition: int, *bodies: bytes) -> None:
        """Publish as the terminal does."""


def line_of(settings: Mapping[str, str]) -> Line:
    """The broker that a relay with these settings uses."""
    if settings["BROKER"] == "rabbitmq":
        return RabbitMQLine(settings["RABBITMQ_URL"])
    return KafkaLine(settings["KAFKA_BOOTSTRAP_SERVERS"])


def private_settings(broker: str, server: RunningServer) -> dict[str, str]:
    """What a relay is told that uses a private instance."""
    if broker == "rabbitmq":
        return {"BROKER": broker, "RABBITMQ_URL": server.url}
    return {"BROKER": broker, "KAFKA_BOOTSTRAP_SERVERS": server.url, "KAFKA_IDEMPOTENCE": "false"}


class RabbitMQLine:
    """An exchange, and an observer's queue behind it."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def declare(self) -> None:
        await self.declare_exchange()
        await self.bind(PURCHASE, key="purchase.*")
        await self.bind(OBSERVER)

    async def declare_exchange(self) -> None:
        """The exchange, with no queue behind it."""
        async with channel(self._url) as opened:
            await opened.declare_exchange(EXCHANGE, ExchangeType.TOPIC, durable=True)

    async def bind(self, queue: str, *, key: str = "*", arguments: Mapping[str, Any] | None = None) -> None:
        """A quorum queue with these arguments that is given what has this key; without one, what goes to the models."""
        async with channel(self._url) as opened:
            whole = {"x-queue-type": "quorum", **(arguments or {})}
            declared = await opened.declare_queue(queue, durable=True, arguments=whole)
            await declared.bind(EXCHANGE, key)

    @asynccontextmanager
    async def arrivals(self, partition: int | None = None, *, queue: str = OBSERVER) -> AsyncIterator[Arrivals]:
        arrived = Arrivals()

        async def take(message: AbstractIncomingMessage) -> None:
            await message.ack()
            arrival = Arrival(message.body, int(message.routing_key or ""), message.content_type)
            if partition in (None, arrival.partition):
                arrived.add(arrival)

        async with channel(self._url) as opened:
            await (await opened.get_queue(queue)).consume(take)
            yield arrived

    async def tell_purchase(self, partition: int, *bodies: bytes) -> None:
        async with channel(self._url) as opened:
            exchange = await opened.get_exchange(EXCHANGE)
            for body in bodies:
                message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
                await exchange.publish(message, to_purchase(partition))


class KafkaLine:
    """Two topics, of which one is observed from its beginning."""

    def __init__(self, servers: str) -> None:
        self._servers = servers

    async def declare(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._servers)
        await admin.start()
        await admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in (MESSAGES, PURCHASE)])
        await admin.close()

    @asynccontextmanager
    async def arrivals(self, partition: int | None = None) -> AsyncIterator[Arrivals]:
        arrived = Arrivals()
        observed = range(PARTITIONS) if partition is None else [partition]
        consumer = AIOKafkaConsumer(bootstrap_servers=self._servers, auto_offset_reset="earliest")
        consumer.assign([TopicPartition(MESSAGES, number) for number in observed])

        async def observe() -> None:
            async for record in consumer:
                arrived.add(_arrival(record))

        async with consumer, asyncio.TaskGroup() as tasks:
            observing = tasks.create_task(observe())
            yield arrived
            observing.cancel()

    async def tell_purchase(self, partition: int, *bodies: bytes) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self._servers, acks="all") as producer:
            for body in bodies:
                await producer.send_and_wait(PURCHASE, body, key=str(partition).encode(), partition=partition)


def _arrival(record: ConsumerRecord) -> Arrival:
    assert record.key == str(record.partition).encode()
    return Arrival(record.value, record.partition, dict(record.headers)["content-type"].decode())
