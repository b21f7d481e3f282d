"""The holds and refunds that are due, in Redis: claimed under a lease, or deferred."""

from typing import Literal
from uuid import UUID

from msgspec import Struct
from redis.asyncio import Redis

from purchase.store import keys
from purchase.store.clock import Clock
from purchase.store.partitions import Partitions
from purchase.store.scripts import load

CLAIMED_MAX = 16
"""Members of one partition that are claimed at a time."""

LEASE_SECONDS = 30.0
"""How long a claim lasts; afterwards any process may claim its member again."""

Kind = Literal["hold", "refund"]

_KINDS: dict[bytes, Kind] = {b"H": "hold", b"R": "refund"}


class Due(Struct, frozen=True):
    """A hold, or a cancelled ticket whose refund is owed: a letter and its id."""

    partition: int
    member: bytes

    @property
    def kind(self) -> Kind:
        return _KINDS[self.member[:1]]

    @property
    def id(self) -> UUID:
        return UUID(bytes=self.member[1:])


class DueLedger:
    """The sorted sets of due holds and refunds, one for each partition."""

    def __init__(self, redis: Redis, partitions: Partitions, clock: Clock) -> None:
        self._redis = redis
        self._partitions = partitions
        self._clock = clock
        self._claim = load(redis, "claim_due")

    async def claim(self) -> list[Due]:
        """Claim due members of every partition. Raises the errors of redis-py."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            for partition in range(self._partitions.count):
                await self._claim([keys.due(partition)], [CLAIMED_MAX, int(LEASE_SECONDS * 1_000)], pipeline)
            claimed = await pipeline.execute()
        return [Due(partition, member) for partition, members in enumerate(claimed) for member in members]

    async def defer(self, due: Due, seconds: float) -> None:
        """Make a member due again after a pause, unless it is finished.

        Raises Recovering, Overloaded.
        """
        due_ms = await self._clock.now_ms() + int(seconds * 1_000)
        await self._partitions.ask("ZADD", keys.due(due.partition), "XX", str(due_ms), due.member)
