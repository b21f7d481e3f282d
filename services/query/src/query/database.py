"""A small pool of connections to MySQL; every statement has a timeout.

A statement on a connection that has died is retried once on a new one.

ReadModelUnavailable    MySQL failed, did not answer in time, or does not have the tables (yet)
Overloaded              too many reads are waiting; nothing was read
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from sqlalchemy import Executable, Row
from sqlalchemy.exc import DBAPIError, TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import create_async_engine

from query.metrics import read_model_failures

CONNECTIONS = 8
LONG_READS = 3
WAITING_READS = 2_000
ANSWER_SECONDS = 2.0
LONG_ANSWER_SECONDS = 5.0
_RECYCLE_SECONDS = 600
_QUIET_SECONDS = 10

# MySQL concatenates a row of the seat map; by default it truncates the result to 1 KiB. The last
# two settings make the server stop a statement whose reader has timed out. MySQL and MariaDB have
# different names for this setting; each treats the other's as a comment.
_SESSION = (
    "SET SESSION group_concat_max_len = 65536"
    f" /*!80000 , SESSION max_execution_time = {LONG_ANSWER_SECONDS * 1000:.0f} */"
    f" /*M!100100 , SESSION max_statement_time = {LONG_ANSWER_SECONDS:.0f} */"
)

AnyRow = Row[*tuple[Any, ...]]
Parameters = Mapping[str, Any] | None

log = logging.getLogger(__name__)


class ReadModelUnavailable(Exception):
    """MySQL failed, did not answer in time, or does not have the tables (yet)."""


class Overloaded(Exception):
    """The limit of waiting reads is reached; nothing was read."""


class Database:
    """The read model's connections; each statement is a transaction of its own."""

    def __init__(self, url: str) -> None:
        self._engine = create_async_engine(
            url,
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_timeout=ANSWER_SECONDS,
            pool_recycle=_RECYCLE_SECONDS,
            pool_reset_on_return=None,
            isolation_level="AUTOCOMMIT",
            skip_autocommit_rollback=True,
            hide_parameters=True,
            connect_args={"connect_timeout": ANSWER_SECONDS, "init_command": _SESSION},
        )
        self._long_reads = asyncio.Semaphore(LONG_READS)
        self._reading = 0
        self._quiet_until = 0.0

    async def fetch(
        self, statement: Executable, parameters: Parameters = None, *, seconds: float = ANSWER_SECONDS
    ) -> Sequence[AnyRow]:
        """Return all rows, within `seconds`. Raises ReadModelUnavailable, Overloaded."""
        return await self._read(statement, parameters, seconds, nullcontext())

    async def fetch_many(self, statement: Executable, parameters: Parameters = None) -> Sequence[AnyRow]:
        """Return all rows of a statement whose cost grows with its answer.

        Like `fetch`, but with a longer timeout and at most LONG_READS at a time: quick statements
        keep the other connections. Raises ReadModelUnavailable, Overloaded.
        """
        return await self._read(statement, parameters, LONG_ANSWER_SECONDS, self._long_reads)

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()

    async def _read(
        self, statement: Executable, parameters: Parameters, seconds: float, turn: AbstractAsyncContextManager[None]
    ) -> Sequence[AnyRow]:
        if self._reading >= WAITING_READS:
            raise Overloaded
        self._reading += 1
        try:
            async with asyncio.timeout(seconds), turn:
                return await self._fetch_or_reconnect(statement, parameters)
        except (TimeoutError, PoolTimeout, DBAPIError) as error:
            self._record_failure(error)
            raise ReadModelUnavailable from error
        finally:
            self._reading -= 1

    async def _fetch_or_reconnect(self, statement: Executable, parameters: Parameters) -> Sequence[AnyRow]:
        """Retry once on a dead connection, which invalidates the pool: the retry gets a new one."""
        try:
            return await self._fetch(statement, parameters)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            return await self._fetch(statement, parameters)

    async def _fetch(self, statement: Executable, parameters: Parameters) -> Sequence[AnyRow]:
        async with self._engine.connect() as connection:
            return (await connection.execute(statement, parameters)).all()

    def _record_failure(self, error: Exception) -> None:
        """Count every failure; log at most one in _QUIET_SECONDS."""
        read_model_failures.inc()
        now = time.monotonic()
        if now >= self._quiet_until:
            log.warning("the read model is unavailable", extra={"reason": repr(getattr(error, "orig", error))})
            self._quiet_until = now + _QUIET_SECONDS
