"""Read your writes: a query waits until the read model has reached its Consistency-Token.

InvalidConsistencyToken     the token is not `<partition>:<epoch>-<sequence>`, or a list of these
ProjectionLagging           the read model did not reach the token in time
"""

import asyncio
import time
from collections.abc import Mapping

from contracts.position import MalformedPosition, Position

from query.database import Database, Overloaded
from query.metrics import freshness_wait_seconds
from query.statements import POSITIONS

HEADER = "Consistency-Token"
WAIT_SECONDS = 2.0
POLL_SECONDS = 0.01
_POSITIONS_SECONDS = 1.0
WAITING_QUERIES = 2_000

Positions = dict[int, Position]


class InvalidConsistencyToken(ValueError):
    """The token is not `<partition>:<epoch>-<sequence>,…`, or names an unknown partition."""


class ProjectionLagging(Exception):
    """The read model did not reach the token in time."""


def parse_token(text: str, partitions: int) -> Positions:
    """Parse a token; the later position of a partition counts. Raises InvalidConsistencyToken."""
    wanted: Positions = {}
    for item in text.split(","):
        partition_text, _, position_text = item.strip().partition(":")
        if not (partition_text.isascii() and partition_text.isdecimal() and len(partition_text) <= 4):
            raise InvalidConsistencyToken(f"{item.strip()!r} does not begin with a partition.")
        partition = int(partition_text)
        if partition >= partitions:
            raise InvalidConsistencyToken(f"Partition {partition} does not exist; there are {partitions}.")
        try:
            position = Position.parse(position_text)
        except MalformedPosition:
            raise InvalidConsistencyToken(f"{item.strip()!r} is not <partition>:<epoch>-<sequence>.") from None
        wanted[partition] = max(wanted.get(partition, position), position)
    return wanted


class Freshness:
    """The queries that wait for positions; all of them share one poll of MySQL.

    Nothing is polled while none waits. Positions are not cached between polls: after a restore from
    a backup the read model may be further back than it was.
    """

    def __init__(self, database: Database, partitions: int) -> None:
        self._database = database
        self._partitions = partitions
        self._waiting: dict[asyncio.Future[None], Positions] = {}
        self._poll: asyncio.Task[None] | None = None

    async def reach(self, token: str) -> None:
        """Wait until the read model has reached `token`.

        Raises InvalidConsistencyToken, ProjectionLagging, ReadModelUnavailable, Overloaded.
        """
        wanted = parse_token(token, self._partitions)
        if len(self._waiting) >= WAITING_QUERIES:
            raise Overloaded
        started = time.perf_counter()
        reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[reached] = wanted
        if self._poll is None or self._poll.done():
            self._poll = asyncio.create_task(self._poll_while_queries_wait())
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await reached
        except TimeoutError:
            raise ProjectionLagging from None
        finally:
            self._waiting.pop(reached, None)
        freshness_wait_seconds.observe(time.perf_counter() - started)

    async def _poll_while_queries_wait(self) -> None:
        while self._waiting:
            partitions = sorted({partition for wanted in self._waiting.values() for partition in wanted})
            try:
                projected = await self._read_positions(partitions)
            except Exception as error:
                self._fail(error)
            else:
                self._release(projected)
            if self._waiting:
                await asyncio.sleep(POLL_SECONDS)

    async def _read_positions(self, partitions: list[int]) -> Positions:
        rows = await self._database.fetch(POSITIONS, {"partitions": partitions}, seconds=_POSITIONS_SECONDS)
        return {partition: Position(epoch, sequence) for partition, epoch, sequence in rows}

    def _release(self, projected: Mapping[int, Position]) -> None:
        for reached, wanted in self._waiting.items():
            if not reached.done() and has_reached(projected, wanted):
                reached.set_result(None)
        self._waiting = {reached: wanted for reached, wanted in self._waiting.items() if not reached.done()}

    def _fail(self, error: Exception) -> None:
        for reached in self._waiting:
            if not reached.done():
                reached.set_exception(error)
        self._waiting = {}


def has_reached(projected: Mapping[int, Position], wanted: Mapping[int, Position]) -> bool:
    """Return whether every wanted position has been projected."""
    return all(partition in projected and projected[partition] >= position for partition, position in wanted.items())
