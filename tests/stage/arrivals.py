"""What relays published, as it arrives."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from contracts.codec import decode, split_batch
from contracts.message import Message
from contracts.position import Position

DEADLINE_SECONDS = 30
POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Arrival:
    """A batch, of the partition under which it travelled."""

    body: bytes
    partition: int
    content_type: str | None


class Arrivals:
    """What arrived, in its order."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Arrival] = asyncio.Queue()

    def add(self, arrival: Arrival) -> None:
        self._waiting.put_nowait(arrival)

    async def next(self) -> Arrival:
        """The next one. Raises TimeoutError when none comes."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await self._waiting.get()

    async def positions(self, last: Position) -> list[Position]:
        """Positions of the next batches, as they come and as often, until this one."""
        positions: list[Position] = []
        while last not in positions:
            positions += positions_in((await self.next()).body)
        return positions

    def is_empty(self) -> bool:
        return self._waiting.empty()


def messages_in(body: bytes) -> list[Message]:
    """The messages of a batch, as the terminal reads them."""
    return [decode(raw) for raw in split_batch(body)]


def positions_in(body: bytes) -> list[Position]:
    return [Position.parse(str(message.position)) for message in messages_in(body)]


async def until(holds: Callable[[], bool]) -> None:
    """Wait until this holds. Raises TimeoutError."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            if holds():
                return
            await asyncio.sleep(POLL_SECONDS)
