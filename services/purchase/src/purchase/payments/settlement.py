"""Background task: claims due holds and refunds and finishes them.

It stores nothing itself. Redis has what is due, each claim is a lease, and another process claims
again what a process that died has left behind.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import UUID

from msgspec import Struct

from purchase import metrics
from purchase.cancelling import is_cancelled
from purchase.payments.due_ledger import LEASE_SECONDS, Due, DueLedger, Kind
from purchase.providers import ProviderAway, ProviderSilent
from purchase.store.connection import OutcomeUnknown, Unavailable

CONCURRENT_MAX = 16
IDLE_SECONDS = 1.0
PAUSE_SECONDS = (1.0, 60.0)
"""First and longest pause before a retry; it doubles in between."""

DEFERRED_MAX = 10_000
"""Deferred holds and refunds whose pauses are remembered.

Beyond it, all start with the first pause again.
"""

log = logging.getLogger(__name__)

Finish = Callable[[UUID], Awaitable[None]]


class _Pause(Struct, frozen=True):
    """How long something was deferred, and until when (`time.monotonic()`)."""

    seconds: float
    until: float


class Settlement:
    """Finishes due holds and gives due refunds; a failure is deferred."""

    def __init__(self, ledger: DueLedger, *, finish_hold: Finish, give_refund: Finish) -> None:
        self._ledger = ledger
        self._finish: dict[Kind, Finish] = {"hold": finish_hold, "refund": give_refund}
        self._at_once = asyncio.Semaphore(CONCURRENT_MAX)
        self._pauses: dict[Due, _Pause] = {}

    async def finish_due(self) -> int:
        """Finish one claim's worth of due holds and refunds; return how many were claimed.

        Raises the errors of redis-py.
        """
        now = time.monotonic()
        self._count_deferred(now)
        claimed = await self._ledger.claim()
        await asyncio.gather(*(self._finish_claimed(due, now + LEASE_SECONDS) for due in claimed))
        return len(claimed)

    async def _finish_claimed(self, due: Due, until: float) -> None:
        async with self._at_once:
            if time.monotonic() >= until:  # the lease is over: another process may have claimed it
                return
            try:
                await self._finish[due.kind](due.id)
                self._pauses.pop(due, None)
            except Exception as error:  # any failure leaves it due
                metrics.settlement_failures.inc()
                log.warning("settlement deferred: %s", type(error).__name__, exc_info=_unexpected(error))
                await self._defer(due)

    async def _defer(self, due: Due) -> None:
        """Retry after a pause; where Redis cannot record the pause, after the lease."""
        first, longest = PAUSE_SECONDS
        before = self._pauses.get(due)
        pause = min(2 * before.seconds, longest) if before else first
        if len(self._pauses) >= DEFERRED_MAX:
            self._pauses.clear()
        self._pauses[due] = _Pause(pause, time.monotonic() + pause)
        with suppress(Unavailable):
            await self._ledger.defer(due, pause)

    def _count_deferred(self, now: float) -> None:
        """Count what this process has deferred.

        A member that was due again more than a lease ago has been finished by another process.
        """
        self._pauses = {due: pause for due, pause in self._pauses.items() if pause.until + LEASE_SECONDS > now}
        metrics.payments_unsettled.set(len(self._pauses))


async def keep_finishing(finish: Callable[[], Awaitable[int]]) -> None:
    """Call `finish` until cancelled. It returns how much it claimed; after 0 there is a pause."""
    pause, longest = PAUSE_SECONDS
    while not is_cancelled():
        try:
            if not await finish():
                await asyncio.sleep(IDLE_SECONDS)
            pause, _ = PAUSE_SECONDS
        except Exception as error:  # a retry loses nothing
            log.warning("could not claim due work: %s", type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(2 * pause, longest)


def _unexpected(error: Exception) -> Exception | None:
    """Return an error to log with its trace: any but an unavailable store or provider."""
    return None if isinstance(error, Unavailable | OutcomeUnknown | ProviderAway | ProviderSilent) else error
