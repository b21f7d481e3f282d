"""Calls to Redis: one timeout, a few attempts, and exceptions for its refusals."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    BusyLoadingError,
    ConnectionError as RedisConnectionError,
    MasterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TimeoutError as RedisTimeoutError,
)

ANSWER_SECONDS = 3.0
"""How long Redis may take for an answer, all attempts together."""

ATTEMPTS = 3

RETRY_SECONDS = 0.02

_NOT_WRITABLE = ("MISCONF", "NOREPLICAS")
"""Errors that begin so: Redis cannot write to its disk, or to as many replicas as configured."""

T = TypeVar("T")


class Unavailable(Exception):
    """Nothing was done; the call may be retried later."""


class Recovering(Unavailable):
    """The partition's state in Redis is older than what this process has seen, or unreadable."""


class Overloaded(Unavailable):
    """A bounded queue or the outbox is full."""


class OutcomeUnknown(Exception):
    """Redis received the call and did not answer in time."""


def connect(url: str) -> Redis:
    """Create a client: 1 s per attempt, at most 256 connections, and no retries of its own."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=256,
        timeout=ANSWER_SECONDS,
        socket_timeout=1.0,
        socket_connect_timeout=1.0,
        retry=Retry(NoBackoff(), 0),
    )
    return Redis.from_pool(pool)


async def unless_refused(answer: Awaitable[T]) -> T:
    """Return the answer.

    Raises Recovering or Overloaded where Redis refuses before it does anything.
    """
    try:
        return await answer
    except OutOfMemoryError as error:
        raise Overloaded from error
    except (BusyLoadingError, ReadOnlyError, MasterDownError) as error:
        raise Recovering from error
    except ResponseError as error:
        if str(error).startswith(_NOT_WRITABLE):
            raise Recovering from error
        raise


async def with_retries(call: Callable[[], Awaitable[T]]) -> T:
    """Return the answer to the first attempt that has one.

    Raises OutcomeUnknown. After a lost answer it replaces a refusal, too: the earlier attempt may
    have succeeded.
    """
    lost: Exception | None = None
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            for _ in range(ATTEMPTS):
                try:
                    return await call()
                except (RedisTimeoutError, RedisConnectionError) as error:
                    lost = error
                await asyncio.sleep(RETRY_SECONDS)
    except TimeoutError as error:
        lost = error
    except Unavailable as refusal:
        if lost is None:
            raise
        lost = refusal
    raise OutcomeUnknown from lost
