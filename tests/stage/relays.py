"""Relays in this process, each with a seam on either side of its brokers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from purchase.brokers.chosen import publishing
from purchase.relay import Relay
from purchase.settings import Settings
from redis.asyncio import Redis

from tests.stage.builders import PARTITIONS
from tests.stage.processes.purchase import environment

STOP_SECONDS = 10


async def _nothing() -> None:
    pass


class SeamedRelay(Relay):
    """What happens before a batch is sent, and after every broker confirmed it, is up to the test."""

    before: Callable[[], Awaitable[object]] = staticmethod(_nothing)
    after: Callable[[], Awaitable[object]] = staticmethod(_nothing)

    async def publish(self, partition: int, batch: bytes) -> None:
        await self.before()
        await super().publish(partition, batch)
        await self.after()


@asynccontextmanager
async def relaying(redis_url: str, settings: Mapping[str, str]) -> AsyncIterator[SeamedRelay]:
    """A relay that is connected; it publishes when it is told to."""
    brokers = publishing(Settings.read(environment(redis_url, **settings)))
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(Redis.from_url(redis_url, socket_timeout=5.0))
        for broker in brokers:
            stack.push_async_callback(broker.application.stop)
            await broker.application.connect()
        yield SeamedRelay(redis, brokers, partitions=PARTITIONS)


@asynccontextmanager
async def running(relay: Relay) -> AsyncIterator[None]:
    """The relay at work."""
    task = asyncio.create_task(relay.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task], timeout=STOP_SECONDS)
        assert task.done()
