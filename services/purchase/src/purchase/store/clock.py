"""Redis's clock as this process sees it: deadlines are set here and judged by the scripts."""

import time

from purchase.store.partitions import Partitions

SYNC_SECONDS = 10.0
"""How often Redis's clock is read; two clocks drift apart slowly."""


class Clock:
    """Extrapolates Redis's time from the last reading."""

    def __init__(self, partitions: Partitions) -> None:
        self._partitions = partitions
        self._ahead_us: int | None = None
        self._synced_at = 0.0

    async def now_ms(self) -> int:
        """Return the milliseconds since 1970. Raises Recovering."""
        if self._ahead_us is None or time.monotonic() - self._synced_at >= SYNC_SECONDS:
            self._ahead_us = await self._read_offset_us()
            self._synced_at = time.monotonic()
        return (_monotonic_us() + self._ahead_us) // 1_000

    async def is_past(self, moment_ms: int) -> bool:
        """Return whether this moment has passed. Raises Recovering."""
        return moment_ms <= await self.now_ms()

    async def _read_offset_us(self) -> int:
        """Return how far Redis's clock is ahead of the monotonic one, which nobody can set."""
        before = _monotonic_us()
        seconds, microseconds = await self._partitions.ask("TIME")
        return int(seconds) * 1_000_000 + int(microseconds) - (before + _monotonic_us()) // 2


def _monotonic_us() -> int:
    return time.monotonic_ns() // 1_000
