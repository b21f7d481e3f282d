"""The relay: as a process of its own, or in the test's process with hooks around its publishing."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

import httpx
from infra_local import probes
from infra_local.ports import free_port
from infra_local.running import RunningServer
from infra_local.servers import Server
from purchase.brokers.chosen import publishing
from purchase.relay import Relay
from purchase.settings import Settings
from redis.asyncio import Redis

from tests.stage.builders import PARTITIONS
from tests.stage.polling import DEADLINE_SECONDS, POLL_SECONDS
from tests.stage.processes.purchase import environment

STOP_SECONDS = 10


async def _do_nothing() -> None:
    pass


class HookedRelay(Relay):
    """A relay that calls hooks before each batch, and after every broker has confirmed it."""

    before: Callable[[], Awaitable[object]] = staticmethod(_do_nothing)
    after: Callable[[], Awaitable[object]] = staticmethod(_do_nothing)

    async def publish(self, partition: int, batch: bytes) -> None:
        await self.before()
        await super().publish(partition, batch)
        await self.after()


@asynccontextmanager
async def relaying(redis_url: str, settings: Mapping[str, str]) -> AsyncIterator[HookedRelay]:
    """A connected relay in this process, which publishes on a call only."""
    brokers = publishing(Settings.read(environment(redis_url, **settings)))
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(Redis.from_url(redis_url, socket_timeout=5.0))
        for broker in brokers:
            stack.push_async_callback(broker.application.stop)
            await broker.application.connect()
        yield HookedRelay(redis, brokers, partitions=PARTITIONS)


@asynccontextmanager
async def running(relay: Relay) -> AsyncIterator[None]:
    """Run the relay until the block ends."""
    task = asyncio.create_task(relay.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task], timeout=STOP_SECONDS)
        assert task.done()


def describe(directory: Path, redis_url: str, settings: Mapping[str, str]) -> Server:
    """A relay that serves its health and metrics."""
    port = free_port("relay")
    variables = {"PARTITIONS": str(PARTITIONS), "HTTP_HOST": "127.0.0.1", "HTTP_PORT": str(port)}
    return Server(
        name="relay",
        directory=directory,
        ports={"http": port},
        url=f"http://127.0.0.1:{port}",
        argv=[sys.executable, "-m", "purchase.relay"],
        environment=environment(redis_url, **settings, **variables),
        ready=partial(probes.http_answers, port, "/health/ready"),
    )


@contextmanager
def relay_process(redis_url: str, settings: Mapping[str, str]) -> Iterator[RunningServer]:
    """A relay that is ready, and is killed at the end if it still runs."""
    directory = Path(tempfile.mkdtemp(prefix="ticketing-"))
    running = RunningServer(describe(directory, redis_url, settings))
    try:
        running.start()
        yield running
    finally:
        running.kill()
        shutil.rmtree(directory)


async def figures_of(http: httpx.AsyncClient, *names: str) -> dict[str, float]:
    """Wait until none of these metrics is 0, and return them."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            text = (await http.get("/metrics")).text
            lines = (line.split() for line in text.splitlines() if not line.startswith("#"))
            figures = {line[0]: float(line[1]) for line in lines if line[0] in names}
            if all(figures.get(name) for name in names):
                return figures
            await asyncio.sleep(POLL_SECONDS)
