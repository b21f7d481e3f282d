"""Joins the tickets that are asked for at one moment into one statement.

The first to ask is read at once; those who ask while statements are under way form the next. No timer: nobody waits
for company.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import cast

from query.database import ANSWER_SECONDS, WAITING_READS, AnyRow, Database, Overloaded, ReadModelUnavailable
from query.metrics import reads_joined
from query.statements import TICKETS_BY_ID

TOGETHER = 128
UNDER_WAY = 2

Reader = tuple[str, asyncio.Future[AnyRow | None]]


class JoinedTickets:
    """Reads tickets by id, as many as are asked for together with one statement."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[Reader] = deque()
        self._under_way: set[asyncio.Task[None]] = set()

    async def get(self, ticket_id: str) -> AnyRow | None:
        """The row of this ticket, None if there is none. Raises ReadModelUnavailable, Overloaded."""
        if len(self._waiting) >= WAITING_READS:
            raise Overloaded
        answer: asyncio.Future[AnyRow | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((ticket_id, answer))
        if len(self._under_way) < UNDER_WAY:
            self._under_way.add(asyncio.create_task(self._read_waiting()))
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await answer
        except TimeoutError:
            raise ReadModelUnavailable from None

    async def _read_waiting(self) -> None:
        """Read until nobody waits; then the task signs itself off, so that nobody relies on one that has ended."""
        while readers := self._take():
            reads_joined.observe(len(readers))
            try:
                rows = await self._database.fetch(
                    TICKETS_BY_ID, {"ticket_ids": list({ticket_id for ticket_id, _ in readers})}
                )
            except Exception as error:
                _refuse(readers, error)
            else:
                _answer(readers, rows)
        self._under_way.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    def _take(self) -> list[Reader]:
        """The next to be read together, without those who gave up waiting."""
        readers: list[Reader] = []
        while self._waiting and len(readers) < TOGETHER:
            reader = self._waiting.popleft()
            if not reader[1].done():
                readers.append(reader)
        return readers


def _answer(readers: Sequence[Reader], rows: Sequence[AnyRow]) -> None:
    by_id = {row.ticket_id: row for row in rows}
    for ticket_id, answer in readers:
        if not answer.done():
            answer.set_result(by_id.get(ticket_id))


def _refuse(readers: Sequence[Reader], error: Exception) -> None:
    for _, answer in readers:
        if not answer.done():
            answer.set_exception(error)
