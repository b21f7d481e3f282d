"""The outbox of each partition, seen from those who write to it: its epoch, the highest position seen, its refusals.

Unavailable             nothing was done, and it may be tried again later
├── Recovering          the state in Redis is not trusted just now
└── Overloaded          too much is waiting to be published, or to be asked
OutcomeUnknown          Redis was asked and did not answer in time: it may have been done
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
from purchase.store.connection import OutcomeUnknown, Overloaded, Recovering, insist, unless_refused
from purchase.store.scripts import load

NOTHING_SEEN = Position(0, 0)


class Partitions:
    """Runs the scripts that may write messages, each call carrying what this process has seen of its partition."""

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
        """The partition's last position, and what the script decided.

        Raises Recovering, Overloaded, OutcomeUnknown.
        """
        epoch = await self._epoch(partition)
        seen = self._seen[partition]
        everything = [epoch, seen.epoch, seen.sequence, self._outbox_max, *arguments]
        last, decided = await insist(lambda: self._judge(script, partition, names, everything))
        self._seen[partition] = max(last, self._seen[partition])
        return last, decided

    async def confirm(self, partition: int) -> None:
        """Make sure that what was not found in this partition has not been lost. Raises Recovering."""
        try:
            await self.run(self._confirm, partition, [])
        except Overloaded:  # too full to sell, and all there
            return
        except OutcomeUnknown as error:
            raise Recovering from error

    async def check_partitions(self) -> None:
        """Stop the process when Redis was installed for another number of partitions; a silent one is asked later."""
        with suppress(Recovering):
            installed = await self._installed_partitions()
            if installed != self.count:
                raise SystemExit(f"PARTITIONS is {self.count}, but Redis was installed for {installed}")

    async def ready(self) -> bool:
        """Whether Redis answers and every partition has its outbox."""
        try:
            async with asyncio.timeout(1.0):
                pipeline = self._redis.pipeline(transaction=False)
                for partition in range(self.count):
                    pipeline.exists(keys.outbox(partition), keys.epoch(partition))
                return all(found == 2 for found in await pipeline.execute())
        except (TimeoutError, RedisTimeoutError, RedisConnectionError):
            return False

    async def ask(self, *command: str | bytes) -> Any:
        """Answer of one plain command, one that reads or does no harm.

        Raises Recovering when there is none, Overloaded when Redis has no memory left for it.
        """
        try:
            return await insist(lambda: unless_refused(self._redis.execute_command(*command)))  # type: ignore[no-untyped-call]
        except OutcomeUnknown as error:
            raise Recovering from error

    async def _judge(
        self, script: AsyncScript, partition: int, names: Sequence[str], arguments: Sequence[str | bytes | int]
    ) -> tuple[Position, Any]:
        """One try of `run`. Raises Recovering, Overloaded, ConnectionError and TimeoutError of Redis."""
        call = script(keys=[keys.outbox(partition), keys.epoch(partition), *names], args=arguments)
        answer = await unless_refused(call)
        match answer:
            case [b"RECOVERING"]:
                self._epochs.pop(partition, None)
                raise Recovering
            case [b"OVERLOADED"]:
                raise Overloaded
            case [b"JUDGED", last, decided]:
                return Position.parse(last.decode()), decided
        raise AssertionError(f"a script answered {answer!r}")

    async def _installed_partitions(self) -> int:
        """How many partitions Redis was installed for; as many as are asked for where it was not installed."""
        return int(await self.ask("GET", keys.PARTITIONS) or self.count)

    async def _epoch(self, partition: int) -> int:
        if partition not in self._epochs:
            if await self._installed_partitions() != self.count:  # Redis may have come up after this process
                raise Recovering
            epoch = await self.ask("GET", keys.epoch(partition))
            if epoch is None:
                raise Recovering
            self._epochs[partition] = int(epoch)
        return self._epochs[partition]
