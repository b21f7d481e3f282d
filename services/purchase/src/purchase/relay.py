"""The relay: `python -m purchase.relay` publishes what waits in the outboxes, in order, and then trims it.

It remembers nothing: whatever is still in an outbox is not known to be confirmed, and is published (again). The process
also takes what the terminal tells purchase; it ends when its consumer does, and its supervisor starts it again.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import signal
from collections.abc import Sequence
from functools import partial
from itertools import accumulate, takewhile
from typing import Any

from contracts.codec import encode_batch, with_position
from contracts.position import Position
from faststream.asgi import AsgiFastStream, AsgiResponse, get
from faststream.asgi.types import Scope
from prometheus_client import make_asgi_app
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from purchase import metrics
from purchase.brokers import PUBLISH_SECONDS, Broker
from purchase.brokers.chosen import draining, publishing
from purchase.cancelling import is_cancelled
from purchase.cases.ledger import Cases
from purchase.process import configure_logging, serve
from purchase.readiness import NotReady, readiness
from purchase.seats.inventory import Inventory
from purchase.seats.rejections import Rejections
from purchase.settings import Settings
from purchase.store import keys
from purchase.store.partitions import Partitions
from purchase.store.scripts import load

ENTRIES_MAX = 500
BYTES_MAX = 512 * 1024
LEASE_MS = 5_000
BLOCK_MS = 1_000
STOP_SECONDS = 20.0
PAUSE_SECONDS = (0.1, 5.0)
"""First and longest pause after a failure; it doubles in between."""

log = logging.getLogger(__name__)
_JSON = {"content-type": "application/json"}

Entry = tuple[bytes, dict[bytes, bytes]]


class Relay:
    """One task for each partition; of all relays that run, the one with the lease publishes."""

    def __init__(self, redis: Redis, brokers: Sequence[Broker], *, partitions: int) -> None:
        self._redis = redis
        self._brokers = brokers
        self._partitions = partitions
        self._name = secrets.token_hex(8)
        self._take_lease = load(redis, "take_lease")

    async def run(self) -> None:
        """Publish until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch())
            for partition in range(self._partitions):
                tasks.create_task(self._run_partition(partition))

    async def publish_waiting(self, partition: int) -> int:
        """Publish one batch of what waits, waiting a moment for it to come; how many messages were confirmed."""
        entries = await self._read(partition)
        if not entries:
            return 0
        batch = encode_batch(_message(entry) for entry in entries)
        await self.publish(partition, batch)
        await self._redis.xdel(keys.outbox(partition), *(position for position, _ in entries))
        metrics.messages_published.inc(len(entries))
        return len(entries)

    async def publish(self, partition: int, batch: bytes) -> None:
        """Return once every broker has the batch; when this raises, each of them may have it or not."""
        async with asyncio.timeout(PUBLISH_SECONDS):
            publishing = (broker.publish(partition, batch) for broker in self._brokers)
            failures = await asyncio.gather(*publishing, return_exceptions=True)
        for failure in failures:
            if failure is not None:
                raise failure

    async def _run_partition(self, partition: int) -> None:
        pause, longest = PAUSE_SECONDS
        while not is_cancelled():
            try:
                if await self._has_lease(partition):
                    await self.publish_waiting(partition)
                else:
                    await asyncio.sleep(BLOCK_MS / 1_000)
                pause, _ = PAUSE_SECONDS
            except Exception:  # whatever store or broker said, nothing is lost by trying again
                metrics.publish_failures.inc()
                log.warning("partition %d was not published", partition, exc_info=True)
                await asyncio.sleep(pause)
                pause = min(2 * pause, longest)

    async def _has_lease(self, partition: int) -> bool:
        (word,) = await self._take_lease(keys=[keys.lease(partition)], args=[self._name, LEASE_MS])
        return bool(word == b"LEADING")

    async def _read(self, partition: int) -> Sequence[Entry]:
        """What waits, from the beginning: as many messages as fit into a batch, at least one."""
        outbox = keys.outbox(partition)
        answer: Any = await self._redis.xread({outbox: "0"}, count=ENTRIES_MAX, block=BLOCK_MS)
        if not answer:
            return []
        [(_, entries)] = answer
        sizes = accumulate(len(entry[b"message"]) for _, entry in entries)
        fitting = sum(1 for _ in takewhile(lambda size: size <= BYTES_MAX, sizes))
        fit: list[Entry] = entries[: max(1, fitting)]
        return fit

    async def _watch(self) -> None:
        """Count what waits, for whoever looks after the platform."""
        while not is_cancelled():
            with contextlib.suppress(RedisError, TimeoutError):
                pipeline = self._redis.pipeline(transaction=False)
                for key in (keys.outbox, keys.cases):
                    for partition in range(self._partitions):
                        pipeline.xlen(key(partition))
                waiting = await pipeline.execute()
                metrics.outbox_pending.set(sum(waiting[: self._partitions]))
                metrics.cases_open.set(sum(waiting[self._partitions :]))
            await asyncio.sleep(BLOCK_MS / 1_000)


def _message(entry: Entry) -> bytes:
    position, fields = entry
    generation = fields[b"generation"]
    return with_position(fields[b"message"], Position.parse(position.decode()), int(generation) if generation else None)


def create_app(settings: Settings) -> AsgiFastStream:
    """Put the process together: the relay, the consumer, their health and their metrics."""
    # Each partition blocks on a connection of its own, for longer than a command may otherwise take.
    pool = BlockingConnectionPool.from_url(
        settings.redis_url, max_connections=settings.partitions + 16, socket_timeout=5.0, socket_connect_timeout=1.0
    )
    redis = Redis.from_pool(pool)
    publish_to = publishing(settings)
    brokers = [*publish_to, *draining(settings)]
    partitions = Partitions(redis, count=settings.partitions, outbox_max=settings.outbox_max)
    relay = Relay(redis, publish_to, partitions=settings.partitions)
    rejections = Rejections(Inventory(redis, partitions), Cases(partitions))
    running: list[asyncio.Task[None]] = []

    def end(why: str) -> None:
        if running:
            log.error("ending: %s", why)
            signal.raise_signal(signal.SIGTERM)

    for broker in brokers:
        broker.subscribe(rejections.take, end)

    async def publish() -> None:
        running.append(asyncio.create_task(relay.run()))

    async def watch() -> None:
        for broker in brokers:
            await broker.watch()

    async def stop() -> None:
        # FastStream stops too when a consumer's start fails, and leaves the server running.
        signal.raise_signal(signal.SIGTERM)
        # A broker that is away would be waited for: for what was handed to its client and is not confirmed.
        asyncio.get_running_loop().call_later(STOP_SECONDS, os._exit, 1)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        running.clear()
        await redis.aclose()

    checks = {
        "redis": partial(_check_redis, redis),
        **{broker.name: partial(_check_broker, broker) for broker in brokers},
    }

    @get
    async def ready(_: Scope) -> AsgiResponse:
        status, body = await readiness(checks)
        return AsgiResponse(body, status, _JSON)

    return AsgiFastStream(
        *(broker.application for broker in brokers),
        logger=None,
        # A start that fails before it is complete ends the process, and its supervisor starts it again. Publishing does
        # not wait for it: a consumer has started once its group has agreed on who takes what, which may take long.
        on_startup=[partitions.check_partitions, *(broker.application.connect for broker in brokers), publish],
        after_startup=[watch],
        on_shutdown=[stop],
        asgi_routes=[("/health/live", _live), ("/health/ready", ready), ("/metrics", make_asgi_app())],
    )


@get
async def _live(_: Scope) -> AsgiResponse:
    return AsgiResponse(b'{"status":"live"}', 200, _JSON)


async def _check_redis(redis: Redis) -> None:
    await redis.ping()


async def _check_broker(broker: Broker) -> None:
    if not await broker.is_up():
        raise NotReady(f"{broker.name} does not answer, or its consumer does not run")


def main() -> None:
    settings = Settings.read()
    configure_logging(settings.logging_config)
    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
