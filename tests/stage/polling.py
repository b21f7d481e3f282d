"""Waiting for a condition, with a deadline."""

import asyncio
from collections.abc import Callable

DEADLINE_SECONDS = 30
POLL_SECONDS = 0.02


async def until(holds: Callable[[], bool]) -> None:
    """Poll until the condition holds. Raises TimeoutError."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            if holds():
                return
            await asyncio.sleep(POLL_SECONDS)
