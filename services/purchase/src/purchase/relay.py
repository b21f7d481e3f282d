"""The relay: `python -m purchase.relay` publishes the messages of the outboxes, in order.

A confirmed message is deleted from its outbox. One that is still there may be unconfirmed, and is
published (again); the relay has no other state.

The process also handles the terminal's messages to purchase. It ends when its consumer ends, and
its supervisor restarts it.
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
"""First and longest delay before a retry; it doubles in between."""

log = logging.getLogger(__name__)
_JSON = {"content-type": "application/json"}

Entry = tuple[bytes, dict[bytes, bytes]]


class Relay:
    """One task for each partition; of all running relays, the one with its lease publishes it."""

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
        """Publish one batch, waiting a moment for messages; return how many were confirmed."""
        entries = await self._read(partition)
        if not entries:
            return 0
        batch = encode_batch(_message(entry) for entry in entries)
        await self.publish(partition, batch)
        await self._redis.xdel(keys.outbox(partition), *(position for position, _ in entries))
        metrics.messages_published.inc(len(entries))
        return len(entries)

    async def publish(self, partition: int, batch: bytes) -> None:
        """Return once every broker has the batch.

        Raises any exception of a broker: each of them may have the batch or not.
        """
        async with asyncio.timeout(PUBLISH_SECONDS):
            publications = (broker.publish(partition, batch) for broker in self._brokers)
            failures = await asyncio.gather(*publications, return_exceptions=True)
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
            except Exception:  # any failure of Redis or a broker: a retry is harmless
                metrics.publish_failures.inc()
                log.warning("partition %d not published", partition, exc_info=True)
                await asyncio.sleep(pause)
                pause = min(2 * pause, longest)

    async def _has_lease(self, partition: int) -> bool:
        (word,) = await self._take_lease(keys=[keys.lease(partition)], args=[self._name, LEASE_MS])
        return bool(word == b"LEADING")

    async def _read(self, partition: int) -> Sequence[Entry]:
        """Return the first messages of the outbox: as many as fit into a batch, at least one."""
        outbox = keys.outbox(partition)
        answer: Any = await self._redis.xread({outbox: "0"}, count=ENTRIES_MAX, block=BLOCK_MS)
        if not answer:
            return []
        entries: list[Entry]
        [(_, entries)] = answer
        sizes = accumulate(len(entry[b"message"]) for _, entry in entries)
        fitting = sum(1 for _ in takewhile(lambda size: size <= BYTES_MAX, sizes))
        return entries[: max(1, fitting)]

    async def _watch(self) -> None:
        """Keep the metrics of the outboxes and of the open cases current."""
        while not is_cancelled():
            with contextlib.suppress(RedisError, TimeoutError):
                pipeline = self._redis.pipeline(transaction=False)
                for key in (keys.outbox, keys.cases):
                    for partition in range(self._partitions):
                        pipeline.xlen(key(partition))
                lengths = await pipeline.execute()
                metrics.outbox_pending.set(sum(lengths[: self._partitions]))
                metrics.cases_open.set(sum(lengths[self._partitions :]))
            await asyncio.sleep(BLOCK_MS / 1_000)


def _message(entry: Entry) -> bytes:
    position, fields = entry
    generation = fields[b"generation"]
    return with_position(fields[b"message"], Position.parse(position.decode()), int(generation) if generation else None)


def create_app(settings: Settings) -> AsgiFastStream:
    """Put the process together: the relay, the consumer, their health and their metrics."""
    # Each partition blocks on a connection of its own, for longer than any other command may take.
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

    def end(reason: str) -> None:
        if running:
            log.error("ending: %s", reason)
            signal.raise_signal(signal.SIGTERM)

    for broker in brokers:
        broker.subscribe(rejections.handle, end)

    async def publish() -> None:
        running.append(asyncio.create_task(relay.run()))

    async def supervise() -> None:
        for broker in brokers:
            await broker.supervise()

    async def stop() -> None:
        # FastStream also stops when the start of a consumer fails, but leaves the server running.
        signal.raise_signal(signal.SIGTERM)
        # The client of an unreachable broker would wait for its unconfirmed messages.
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
        # A start that fails ends the process, and its supervisor restarts it. Publishing begins
        # earlier: a consumer's start waits until its group has assigned the partitions.
        on_startup=[partitions.check_partitions, *(broker.application.connect for broker in brokers), publish],
        after_startup=[supervise],
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
