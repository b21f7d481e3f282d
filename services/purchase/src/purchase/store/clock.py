"""Redis's clock as this process sees it: deadlines are written here, and judged by the scripts there."""

import time

from purchase.store.partitions import Partitions

ASKED_SECONDS = 10.0
"""How often Redis is asked: two clocks go apart slowly."""


class Clock:
    """Counts on from the moment that Redis told last."""

    def __init__(self, partitions: Partitions) -> None:
        self._partitions = partitions
        self._ahead_us: int | None = None
        self._asked_at = 0.0

    async def now_ms(self) -> int:
        """Milliseconds since 1970. Raises Recovering."""
        if self._ahead_us is None or time.monotonic() - self._asked_at >= ASKED_SECONDS:
            self._ahead_us = await self._ask()
            self._asked_at = time.monotonic()
        return (_monotonic_us() + self._ahead_us) // 1_000

    async def is_past(self, moment_ms: int) -> bool:
        """Whether this moment is over. Raises Recovering."""
        return moment_ms <= await self.now_ms()

    async def _ask(self) -> int:
        """How far Redis's clock is ahead of this process's monotonic one, which nobody sets."""
        before = _monotonic_us()
        seconds, microseconds = await self._partitions.ask("TIME")
        return int(seconds) * 1_000_000 + int(microseconds) - (before + _monotonic_us()) // 2


def _monotonic_us() -> int:
    return time.monotonic_ns() // 1_000
