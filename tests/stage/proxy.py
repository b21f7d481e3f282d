"""A TCP proxy with a rule: a test marks requests, and replaces or drops them or their answers.

Each marked request arrives in one piece, and so does its answer. All other bytes pass unchanged.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from struct import pack
from typing import Literal, TypeVar

from redis.asyncio.connection import parse_url

CHUNK_BYTES = 2**20

When = Literal["before", "after"]
P = TypeVar("P", bound="Proxy")


async def _forward(request: bytes) -> bytes | None:
    return request


async def _return(_request: bytes, answer: bytes) -> bytes | None:
    return answer


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule for the requests that contain `mark`: each function returns the bytes to forward.

    None closes the connection.
    """

    mark: bytes
    on_request: Callable[[bytes], Awaitable[bytes | None]] = _forward
    on_answer: Callable[[bytes, bytes], Awaitable[bytes | None]] = _return


class Proxy:
    """A proxy in front of the server at this address.

    It listens on `port`; `marked` has the marked requests so far.
    """

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._rule: Rule | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.port = 0
        self.marked: list[bytes] = []

    def follow(self, rule: Rule) -> None:
        """Replace the current rule by this one."""
        self._rule = rule
        self.marked = []

    def stop_at(self, mark: bytes, number: int, when: When, stop: Callable[[], Awaitable[object]]) -> None:
        """Stop a process before the marked request of this number is forwarded, or its answer."""

        async def on_request(request: bytes) -> bytes | None:
            if when == "before" and len(self.marked) == number:
                await stop()
                return None
            return request

        async def on_answer(request: bytes, answer: bytes) -> bytes | None:
            if when == "after" and any(request is last for last in self.marked[number - 1 : number]):
                await stop()
                return None
            return answer

        self.follow(Rule(mark=mark, on_request=on_request, on_answer=on_answer))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection until either side, or the rule, closes it."""
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            with suppress(ConnectionError):
                await self._connect(reader, writer)
        finally:
            writer.close()
            self._connections.discard(task)

    async def hang_up(self) -> None:
        """Close every connection."""
        connections = list(self._connections)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    def is_answer(self, request: bytes, answer: bytes) -> bool:  # noqa: ARG002
        """Return whether this answer belongs to that request of the same connection."""
        return True

    def translated(self, answer: bytes) -> bytes:
        """Return the answer with the bytes that the clients of the proxy should read."""
        return answer

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection(*self._address)
        waiting: list[bytes] = []
        try:
            async with asyncio.TaskGroup() as ways:
                there = ways.create_task(self._carry(reader, to_server, waiting))
                back = ways.create_task(self._carry_back(from_server, writer, waiting))
                there.add_done_callback(lambda _: back.cancel())
                back.add_done_callback(lambda _: there.cancel())
        finally:
            to_server.close()

    async def _carry(self, reader: asyncio.StreamReader, to_server: asyncio.StreamWriter, waiting: list[bytes]) -> None:
        while request := await _read(reader):
            passed: bytes | None = request
            if self._rule is not None and self._rule.mark in request:
                self.marked.append(request)
                waiting.append(request)
                passed = await self._rule.on_request(request)
            if passed is None:
                return
            to_server.write(passed)

    async def _carry_back(
        self, from_server: asyncio.StreamReader, writer: asyncio.StreamWriter, waiting: list[bytes]
    ) -> None:
        while answer := await _read(from_server):
            passed: bytes | None = self.translated(answer)
            request = next((one for one in waiting if self.is_answer(one, answer)), None)
            if request is not None and self._rule is not None:
                waiting.remove(request)
                passed = await self._rule.on_answer(request, self.translated(answer))
            if passed is None:
                return
            writer.write(passed)


class RedisProxy(Proxy):
    """A proxy that drops the answers to scripts, which Redis has run."""

    def __init__(self, redis_url: str) -> None:
        address = parse_url(redis_url)
        super().__init__(address["host"], address["port"])
        self.scripts_run = 0
        self.lose(0)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def lose(self, answers: int = 1, *, after: int = 0, meanwhile: Callable[[], object] | None = None) -> None:
        """Drop the answers to the next `answers` scripts, after `after` others.

        `meanwhile` is called after each drop.
        """
        first = self.scripts_run + after + 1

        async def on_answer(_request: bytes, answer: bytes) -> bytes | None:
            if answer.startswith(b"-NOSCRIPT"):
                return answer
            self.scripts_run += 1
            if not first <= self.scripts_run < first + answers:
                return answer
            if meanwhile is not None:
                meanwhile()
            return None

        self.follow(Rule(mark=b"EVALSHA", on_answer=on_answer))


class KafkaProxy(Proxy):
    """A proxy in front of a local Kafka; it replaces Kafka's port in answers by its own."""

    def __init__(self, server_port: int) -> None:
        super().__init__("127.0.0.1", server_port)
        self._server_port = server_port

    def is_answer(self, request: bytes, answer: bytes) -> bool:
        """Return whether the answer repeats the correlation id of the request."""
        return request[8:12] == answer[4:8]

    def translated(self, answer: bytes) -> bytes:
        return answer.replace(pack(">i", self._server_port), pack(">i", self.port))


@asynccontextmanager
async def listening(proxy: P, tls: ssl.SSLContext | None = None) -> AsyncIterator[P]:
    """Let this proxy listen; with `tls`, clients must use TLS."""
    async with await asyncio.start_server(proxy.serve, "127.0.0.1", 0, ssl=tls) as server:
        proxy.port = server.sockets[0].getsockname()[1]
        try:
            yield proxy
        finally:
            await proxy.hang_up()


async def _read(reader: asyncio.StreamReader) -> bytes:
    """Read the next bytes; none at the end of the connection, orderly or not."""
    try:
        return await reader.read(CHUNK_BYTES)
    except ConnectionError:
        return b""
