"""Looks at what is due, holds whose time is over first of all, and settles it.

It remembers nothing: what is due is in Redis, whoever claims it has a while to settle it, and what a process that died
has left behind is claimed again.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from uuid import UUID

from msgspec import Struct
from redis.asyncio import Redis

from purchase import metrics
from purchase.cancelling import is_cancelled
from purchase.providers import ProviderAway, ProviderSilent
from purchase.store import keys
from purchase.store.clock import Clock
from purchase.store.connection import OutcomeUnknown, Unavailable
from purchase.store.partitions import Partitions
from purchase.store.scripts import load

CLAIMED_MAX = 16
"""How much of one partition is claimed at a time."""

AT_ONCE = 16
LEASE_SECONDS = 30.0
IDLE_SECONDS = 1.0
PAUSE_SECONDS = (1.0, 60.0)
"""First and longest pause before what could not be settled is looked at again; it doubles in between."""

REMEMBERED_MAX = 10_000
"""Things whose pauses are remembered; beyond, all begin with the first pause again."""

log = logging.getLogger(__name__)

Settle = Callable[[UUID], Awaitable[None]]


class _Pause(Struct, frozen=True):
    """How long something was put off, and until when (`time.monotonic()`)."""

    seconds: float
    until: float


class Settlement:
    """Settles whatever is due, by the letter that it begins with: `H` a hold, `R` the refund of a ticket."""

    def __init__(self, redis: Redis, partitions: Partitions, clock: Clock, settlers: Mapping[bytes, Settle]) -> None:
        self._redis = redis
        self._partitions = partitions
        self._clock = clock
        self._settlers = settlers
        self._claim = load(redis, "claim_due")
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._pauses: dict[bytes, _Pause] = {}

    async def settle_due(self) -> int:
        """Settle what is due in any partition, as much as may be claimed at a time; how much that was."""
        now = time.monotonic()
        self._count_put_off(now)
        settling = [
            self._settle(partition, member, now + LEASE_SECONDS)
            for partition, members in enumerate(await self._claim_due())
            for member in members
        ]
        await asyncio.gather(*settling)
        return len(settling)

    async def _claim_due(self) -> Sequence[Sequence[bytes]]:
        """What is claimed of each partition."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            for partition in range(self._partitions.count):
                await self._claim([keys.due(partition)], [CLAIMED_MAX, int(LEASE_SECONDS * 1_000)], pipeline)
            claimed: Sequence[Sequence[bytes]] = await pipeline.execute()
            return claimed

    async def _settle(self, partition: int, member: bytes, until: float) -> None:
        async with self._at_once:
            if time.monotonic() >= until:  # by now it is anybody's again
                return
            try:
                await self._settlers[member[:1]](UUID(bytes=member[1:]))
                self._pauses.pop(member, None)
            except Exception as error:  # whoever was away, it stays due
                metrics.settlement_failures.inc()
                log.warning("put off: %s", type(error).__name__, exc_info=_unexpected(error))
                await self._put_off(partition, member)

    async def _put_off(self, partition: int, member: bytes) -> None:
        """Look at it again after a pause; where not even that can be noted, when its lease is over."""
        first, longest = PAUSE_SECONDS
        before = self._pauses.get(member)
        pause = min(2 * before.seconds, longest) if before else first
        if len(self._pauses) >= REMEMBERED_MAX:
            self._pauses.clear()
        self._pauses[member] = _Pause(pause, time.monotonic() + pause)
        with suppress(Unavailable):
            due_ms = await self._clock.now_ms() + int(pause * 1_000)
            await self._partitions.ask("ZADD", keys.due(partition), "XX", str(due_ms), member)

    def _count_put_off(self, now: float) -> None:
        """Of what was due again more than a lease ago, another process has taken care."""
        self._pauses = {member: pause for member, pause in self._pauses.items() if pause.until + LEASE_SECONDS > now}
        metrics.payments_unsettled.set(len(self._pauses))


async def keep_settling(settle: Callable[[], Awaitable[int]]) -> None:
    """Settle some of what waits, again and again until cancelled; `settle` says how much that was."""
    pause, longest = PAUSE_SECONDS
    while not is_cancelled():
        try:
            if not await settle():
                await asyncio.sleep(IDLE_SECONDS)
            pause, _ = PAUSE_SECONDS
        except Exception as error:  # whatever Redis said, nothing is lost by trying again
            log.warning("what waits could not be claimed: %s", type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(2 * pause, longest)


def _unexpected(error: Exception) -> Exception | None:
    """Worth a trace in the log: anything but a store or a provider that is away."""
    return None if isinstance(error, Unavailable | OutcomeUnknown | ProviderAway | ProviderSilent) else error
