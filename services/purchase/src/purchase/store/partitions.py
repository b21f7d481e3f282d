"""The partitions of Redis: each has an epoch and an outbox, whose ids are the positions.

Unavailable             nothing was done, and the call may be retried later
├── Recovering          the state in Redis cannot be trusted at the moment
└── Overloaded          the outbox or a queue is full
OutcomeUnknown          Redis did not answer in time: the call may have succeeded
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from contracts.position import Position
from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import (
    ConnectionError as RedisConnectionError,
    TimeoutError as RedisTimeoutError,
)

from purchase.store import keys
from purchase.store.connection import OutcomeUnknown, Overloaded, Recovering, unless_refused, with_retries
from purchase.store.scripts import load

NOTHING_SEEN = Position(0, 0)


class Partitions:
    """Runs scripts; each call carries the epoch and highest position seen, to detect a rollback."""

    def __init__(self, redis: Redis, *, count: int, outbox_max: int) -> None:
        self._redis = redis
        self._outbox_max = outbox_max
        self.count = count
        self._epochs: dict[int, int] = {}
        self._seen = [NOTHING_SEEN] * count
        self._confirm = load(redis, "confirm")

    async def run(
        self, script: AsyncScript, partition: int, names: Sequence[str], *arguments: str | bytes | int
    ) -> tuple[Position, Any]:
        """Run a script; return the partition's last position and the script's decision.

        Raises Recovering, Overloaded, OutcomeUnknown.
        """
        epoch = await self._epoch(partition)
        seen = self._seen[partition]
        everything = [epoch, seen.epoch, seen.sequence, self._outbox_max, *arguments]
        last, decision = await with_retries(lambda: self._run_once(script, partition, names, everything))
        self._seen[partition] = max(last, self._seen[partition])
        return last, decision

    async def confirm(self, partition: int) -> None:
        """Check that the partition was not rolled back: data absent now was never there.

        Raises Recovering.
        """
        try:
            await self.run(self._confirm, partition, [])
        except Overloaded:  # too full to sell, but complete
            return
        except OutcomeUnknown as error:
            raise Recovering from error

    async def check_partitions(self) -> None:
        """Stop the process when Redis was installed for another number of partitions.

        While Redis is unavailable the check is skipped; `run` repeats it for each partition.
        """
        with suppress(Recovering):
            installed = await self._installed_partitions()
            if installed != self.count:
                raise SystemExit(f"PARTITIONS is {self.count}, but Redis was installed for {installed}")

    async def ready(self) -> bool:
        """Return whether Redis answers and every partition has its outbox and its epoch."""
        try:
            async with asyncio.timeout(1.0):
                pipeline = self._redis.pipeline(transaction=False)
                for partition in range(self.count):
                    pipeline.exists(keys.outbox(partition), keys.epoch(partition))
                return all(count == 2 for count in await pipeline.execute())
        except (TimeoutError, RedisTimeoutError, RedisConnectionError):
            return False

    async def ask(self, *command: str | bytes) -> Any:
        """Return the answer to a plain command, one that only reads or is idempotent.

        Raises Recovering when Redis does not answer, Overloaded when it has no memory left.
        """
        try:
            return await with_retries(lambda: unless_refused(self._redis.execute_command(*command)))  # type: ignore[no-untyped-call]
        except OutcomeUnknown as error:
            raise Recovering from error

    async def _run_once(
        self, script: AsyncScript, partition: int, names: Sequence[str], arguments: Sequence[str | bytes | int]
    ) -> tuple[Position, Any]:
        """Make one attempt of `run`.

        Raises Recovering, Overloaded, ConnectionError and TimeoutError of Redis.
        """
        call = script(keys=[keys.outbox(partition), keys.epoch(partition), *names], args=arguments)
        answer = await unless_refused(call)
        match answer:
            case [b"RECOVERING"]:
                self._epochs.pop(partition, None)
                raise Recovering
            case [b"OVERLOADED"]:
                raise Overloaded
            case [b"JUDGED", last, decision]:
                return Position.parse(last.decode()), decision
        raise AssertionError(f"a script answered {answer!r}")

    async def _installed_partitions(self) -> int:
        """Return how many partitions Redis was installed for; ours where it was not installed."""
        return int(await self.ask("GET", keys.PARTITIONS) or self.count)

    async def _epoch(self, partition: int) -> int:
        if partition not in self._epochs:
            # `check_partitions` skips this check when Redis starts after this process.
            if await self._installed_partitions() != self.count:
                raise Recovering
            epoch = await self.ask("GET", keys.epoch(partition))
            if epoch is None:
                raise Recovering
            self._epochs[partition] = int(epoch)
        return self._epochs[partition]
