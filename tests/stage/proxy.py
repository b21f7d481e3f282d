"""A TCP proxy with a rule: a test names the requests that it is about, and decides what becomes of each and its answer.

Each request and each answer comes in one piece. All others pass unchanged.
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
    """What happens to the requests that contain `mark`: the bytes to pass on in their place, None to hang up."""

    mark: bytes
    on_request: Callable[[bytes], Awaitable[bytes | None]] = _forward
    on_answer: Callable[[bytes, bytes], Awaitable[bytes | None]] = _return


class Proxy:
    """A proxy in front of the server at this address; it listens on `port`, and `marked` are the requests so far."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._rule: Rule | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.port = 0
        self.marked: list[bytes] = []

    def follow(self, rule: Rule) -> None:
        """Follow this rule from now on, in place of the one before."""
        self._rule = rule
        self.marked = []

    def stop_at(self, mark: bytes, number: int, when: When, stop: Callable[[], Awaitable[object]]) -> None:
        """Stop a process before the marked request with this number is forwarded, or before its answer is."""

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
        """Carry one connection until either side, or the rule, ends it."""
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
        """End every connection."""
        connections = list(self._connections)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    def is_answer(self, request: bytes, answer: bytes) -> bool:  # noqa: ARG002
        """Return whether this answers that request, of those that wait for an answer on one connection."""
        return True

    def translated(self, answer: bytes) -> bytes:
        """Return the answer as clients of the proxy should read it."""
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
    """A proxy that loses answers to scripts: Redis has run them, and the client does not learn it."""

    def __init__(self, redis_url: str) -> None:
        address = parse_url(redis_url)
        super().__init__(address["host"], address["port"])
        self.scripts_run = 0
        self.lose(0)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def lose(self, answers: int = 1, *, after: int = 0, meanwhile: Callable[[], object] | None = None) -> None:
        """Lose the answers to so many scripts, after so many others; `meanwhile` happens after each that is lost."""
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
    """A proxy in front of a Kafka here: where an answer names Kafka's port, it names the proxy's instead."""

    def __init__(self, server_port: int) -> None:
        super().__init__("127.0.0.1", server_port)
        self._server_port = server_port

    def is_answer(self, request: bytes, answer: bytes) -> bool:
        """An answer repeats the number that its request has on the connection."""
        return request[8:12] == answer[4:8]

    def translated(self, answer: bytes) -> bytes:
        return answer.replace(pack(">i", self._server_port), pack(">i", self.port))


@asynccontextmanager
async def listening(proxy: P, tls: ssl.SSLContext | None = None) -> AsyncIterator[P]:
    """Let this proxy listen; with `tls`, clients have to speak TLS."""
    async with await asyncio.start_server(proxy.serve, "127.0.0.1", 0, ssl=tls) as server:
        proxy.port = server.sockets[0].getsockname()[1]
        try:
            yield proxy
        finally:
            await proxy.hang_up()


async def _read(reader: asyncio.StreamReader) -> bytes:
    """Return the bytes that came; none at the end, however it came."""
    try:
        return await reader.read(CHUNK_BYTES)
    except ConnectionError:
        return b""
