"""A crowd that keeps buying while a test changes the platform."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from infra_local.demo.crowd import Race, Seat, race, seats_of

from tests.stage.platforms.running import RunningPlatform

WAVE = 40
PAUSE_SECONDS = 0.2


@asynccontextmanager
async def buying(platform: RunningPlatform, event: str) -> AsyncIterator[Race]:
    """Buy in waves until the block ends, then one wave more; yield the results so far."""
    seats, sold, is_over = iter(await seats_of(platform.url, event)), Race(), asyncio.Event()

    async def buy() -> None:
        is_last = False
        while not is_last:
            is_last = is_over.is_set()
            wave: list[Seat] = [seat for _, seat in zip(range(WAVE), seats, strict=False)]
            assert wave, "the event is too small"
            result = await race(platform.url, "Venue1", event, wave, buyers=8)
            sold.sold += result.sold
            sold.failed += result.failed
            sold.refused += result.refused
            await asyncio.sleep(PAUSE_SECONDS)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(buy())
        yield sold
        is_over.set()
