"""How Redis is asked: one deadline, a few tries, and what its refusals mean."""

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
"""How long Redis may take for an answer, all tries together."""

TRIES = 3

PAUSE_SECONDS = 0.02

_NOT_WRITABLE = ("MISCONF", "NOREPLICAS")
"""How Redis says that it cannot write to its disk, or to as many replicas as it was told to."""

T = TypeVar("T")


class Unavailable(Exception):
    """Nothing was done; later may be better."""


class Recovering(Unavailable):
    """The partition's state in Redis is not the one that this process knows, or cannot be read."""


class Overloaded(Unavailable):
    """A bounded queue or the outbox is full."""


class OutcomeUnknown(Exception):
    """Sent to Redis, no answer in time."""


def connect(url: str) -> Redis:
    """A client with 1 s a try and at most 256 connections; whether to try again is decided here, not there."""
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
    """The answer. Raises Recovering or Overloaded where Redis refuses before it does anything."""
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


async def insist(ask: Callable[[], Awaitable[T]]) -> T:
    """What is answered to one of the tries.

    Raises OutcomeUnknown, also in place of a refusal after an answer was lost: the try before may have done it.
    """
    lost: Exception | None = None
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            for _ in range(TRIES):
                try:
                    return await ask()
                except (RedisTimeoutError, RedisConnectionError) as error:
                    lost = error
                await asyncio.sleep(PAUSE_SECONDS)
    except TimeoutError as error:
        lost = error
    except Unavailable as refusal:
        if lost is None:
            raise
        lost = refusal
    raise OutcomeUnknown from lost
