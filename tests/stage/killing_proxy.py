"""A toll on the way to a server, at which a process can be stopped for good: before a request passes, or its answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Literal

CHUNK_BYTES = 2**16

When = Literal["before", "after"]


class Toll:
    """Hands everything on, and counts requests that contain `mark`, each of which comes in one piece."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._left = 0
        self._mark = b""
        self._when: When = "before"
        self._stop: Callable[[], Awaitable[object]] | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self.port = 0

    def stop_at(self, mark: bytes, number: int, when: When, stop: Callable[[], Awaitable[object]]) -> None:
        """Stop the process before this many-eth of the marked requests is handed on, or before its answer is."""
        self._mark, self._left, self._when, self._stop = mark, number, when, stop

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._under_way.add(task)
        from_server, to_server = await asyncio.open_connection(*self._address)
        was_last = asyncio.Event()
        there = asyncio.create_task(self._carry(reader, to_server, was_last))
        back = asyncio.create_task(self._carry_back(from_server, writer, was_last))
        try:
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in (there, back):
                way.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
            writer.close()
            to_server.close()
            self._under_way.discard(task)

    async def hang_up(self) -> None:
        """End what is still under way."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _carry(
        self, reader: asyncio.StreamReader, to_server: asyncio.StreamWriter, was_last: asyncio.Event
    ) -> None:
        while request := await reader.read(CHUNK_BYTES):
            if self._stop is not None and self._mark in request:
                self._left -= 1
                if self._left == 0 and self._when == "before":
                    await self._stop()
                    return
                if self._left == 0:
                    was_last.set()
            to_server.write(request)

    async def _carry_back(
        self, from_server: asyncio.StreamReader, writer: asyncio.StreamWriter, was_last: asyncio.Event
    ) -> None:
        while answer := await from_server.read(CHUNK_BYTES):
            if was_last.is_set() and self._stop is not None:
                await self._stop()
                return
            writer.write(answer)


@asynccontextmanager
async def toll(host: str, port: int) -> AsyncIterator[Toll]:
    """A toll in front of the server that listens there."""
    own = Toll(host, port)
    async with await asyncio.start_server(own.serve, "127.0.0.1", 0) as server:
        own.port = server.sockets[0].getsockname()[1]
        try:
            yield own
        finally:
            with suppress(ConnectionError):
                await own.hang_up()
