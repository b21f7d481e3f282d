"""A wire to Redis on which the answer to a script can be lost: Redis did it, and nobody hears of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from redis.asyncio.connection import parse_url


def _nothing() -> None:
    pass


class Wire:
    """Forwards everything, but for the answers that it was told to lose, with the connections that they came on."""

    def __init__(self, redis_url: str) -> None:
        redis = parse_url(redis_url)
        self._redis_address = (redis["host"], redis["port"])
        self._to_lose = 0
        self._to_pass = 0
        self._meanwhile: Callable[[], object] = _nothing
        self._under_way: set[asyncio.Task[None]] = set()
        self.url = ""
        self.scripts_run = 0

    def lose(self, answers: int = 1, *, after: int = 0, meanwhile: Callable[[], object] = _nothing) -> None:
        """Lose the answers to this many scripts, once so many were answered; `meanwhile` happens after each."""
        self._to_lose = answers
        self._to_pass = after
        self._meanwhile = meanwhile

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._under_way.add(task)
        from_redis, to_redis = await asyncio.open_connection(*self._redis_address)
        with suppress(ConnectionError):
            while request := await reader.read(2**20):
                to_redis.write(request)
                answer = await from_redis.read(2**20)
                was_run = b"EVALSHA" in request and not answer.startswith(b"-NOSCRIPT")
                self.scripts_run += was_run
                if was_run and self._to_pass:
                    self._to_pass -= 1
                elif was_run and self._to_lose:
                    self._to_lose -= 1
                    self._meanwhile()
                    break
                writer.write(answer)
        writer.close()
        to_redis.close()
        self._under_way.discard(task)

    async def hang_up(self) -> None:
        """End what is still under way."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)


@asynccontextmanager
async def wire(redis_url: str) -> AsyncIterator[Wire]:
    """A wire to this Redis."""
    own = Wire(redis_url)
    async with await asyncio.start_server(own.serve, "127.0.0.1", 0) as server:
        own.url = "redis://127.0.0.1:%d/0" % server.sockets[0].getsockname()[1]  # noqa: UP031
        yield own
        await own.hang_up()
