"""Batches concurrent reads of single tickets into one statement.

A read starts at once while fewer than CONCURRENT_STATEMENTS run. Reads that arrive while all of
them run form the next batch. No timer delays a read to fill a batch.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import cast

from query.database import ANSWER_SECONDS, WAITING_READS, AnyRow, Database, Overloaded, ReadModelUnavailable
from query.metrics import reads_joined
from query.statements import TICKETS_BY_ID

BATCH_MAX = 128
CONCURRENT_STATEMENTS = 2

Reader = tuple[str, asyncio.Future[AnyRow | None]]


class JoinedTickets:
    """Reads of tickets by id; concurrent ones share a statement."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[Reader] = deque()
        self._running: set[asyncio.Task[None]] = set()

    async def get(self, ticket_id: str) -> AnyRow | None:
        """Return the row of a ticket, or None. Raises ReadModelUnavailable, Overloaded."""
        if len(self._waiting) >= WAITING_READS:
            raise Overloaded
        answer: asyncio.Future[AnyRow | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((ticket_id, answer))
        if len(self._running) < CONCURRENT_STATEMENTS:
            self._running.add(asyncio.create_task(self._read_waiting()))
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await answer
        except TimeoutError:
            raise ReadModelUnavailable from None

    async def _read_waiting(self) -> None:
        """Read batches until none waits, then remove this task: the next read starts a new one."""
        while readers := self._take_batch():
            reads_joined.observe(len(readers))
            try:
                rows = await self._database.fetch(
                    TICKETS_BY_ID, {"ticket_ids": list({ticket_id for ticket_id, _ in readers})}
                )
            except Exception as error:
                _fail(readers, error)
            else:
                _resolve(readers, rows)
        self._running.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    def _take_batch(self) -> list[Reader]:
        """Take the next batch from the queue, without readers that have timed out or gone."""
        readers: list[Reader] = []
        while self._waiting and len(readers) < BATCH_MAX:
            reader = self._waiting.popleft()
            if not reader[1].done():
                readers.append(reader)
        return readers


def _resolve(readers: Sequence[Reader], rows: Sequence[AnyRow]) -> None:
    by_id = {row.ticket_id: row for row in rows}
    for ticket_id, answer in readers:
        if not answer.done():
            answer.set_result(by_id.get(ticket_id))


def _fail(readers: Sequence[Reader], error: Exception) -> None:
    for _, answer in readers:
        if not answer.done():
            answer.set_exception(error)
