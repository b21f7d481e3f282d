"""Relays in this process, each with a seam on either side of the broker."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from purchase.brokers.rabbitmq import RabbitMQ
from purchase.relay import Relay
from redis.asyncio import Redis

from tests.integration.purchase.builders import PARTITIONS


async def _nothing() -> None:
    pass


class SeamedRelay(Relay):
    """What happens before a batch is sent, and after the broker confirmed it, is up to the test."""

    before: Callable[[], Awaitable[object]] = staticmethod(_nothing)
    after: Callable[[], Awaitable[object]] = staticmethod(_nothing)

    async def publish(self, partition: int, batch: bytes) -> None:
        await self.before()
        await super().publish(partition, batch)
        await self.after()


@asynccontextmanager
async def relaying(redis_url: str, rabbitmq_url: str) -> AsyncIterator[SeamedRelay]:
    """A relay that is connected; it publishes when it is told to."""
    redis = Redis.from_url(redis_url, socket_timeout=5.0)
    broker = RabbitMQ(rabbitmq_url)
    try:
        await broker.application.connect()
        yield SeamedRelay(redis, broker, partitions=PARTITIONS)
    finally:
        await broker.application.stop()
        await redis.aclose()
