"""The batches that relays publish, in their order of arrival."""

import asyncio
from dataclasses import dataclass

from contracts.codec import decode, split_batch
from contracts.message import Message
from contracts.position import Position

from tests.stage.polling import DEADLINE_SECONDS


@dataclass(frozen=True)
class PublishedBatch:
    """A batch, with the partition under which it was published."""

    body: bytes
    partition: int
    content_type: str | None


class PublishedBatches:
    """The batches that have arrived, and those that will."""

    def __init__(self) -> None:
        self._unread: asyncio.Queue[PublishedBatch] = asyncio.Queue()

    def add(self, batch: PublishedBatch) -> None:
        self._unread.put_nowait(batch)

    async def next(self) -> PublishedBatch:
        """Wait for the next batch. Raises TimeoutError."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await self._unread.get()

    async def positions(self, last: Position) -> list[Position]:
        """Read batches up to this position; return all their positions, repeated ones too."""
        positions: list[Position] = []
        while last not in positions:
            positions += positions_in((await self.next()).body)
        return positions

    def is_empty(self) -> bool:
        return self._unread.empty()


def messages_in(body: bytes) -> list[Message]:
    """Decode the messages of a batch, as the terminal does."""
    return [decode(raw) for raw in split_batch(body)]


def positions_in(body: bytes) -> list[Position]:
    return [Position.parse(str(message.position)) for message in messages_in(body)]
