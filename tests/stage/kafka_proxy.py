"""A way to Kafka on which a test sees what is asked, and says what becomes of an answer."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from struct import pack

CHUNK_BYTES = 2**16

Change = Callable[[bytes], bytes | None]


class Detour:
    """Hands everything on; where Kafka's answers tell its port, they tell the detour's instead.

    Requests and answers come in one piece each, and an answer repeats the number that its request has on a connection.
    """

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._mark: bytes | None = None
        self._change: Change = _unchanged
        self._connections: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = {}
        self.port = 0
        self.marked: list[bytes] = []

    def watch_for(self, mark: bytes, change: Change) -> None:
        """Keep requests with this in them, and change what is answered to each; None cuts all connections instead."""
        self._mark, self._change = mark, change

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections[asyncio.current_task()] = writer
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self._server_port)
        marked: set[bytes] = set()
        async with asyncio.TaskGroup() as ways:
            ways.create_task(self._carry(reader, to_server, marked))
            ways.create_task(self._carry_back(from_server, writer, marked))
        del self._connections[asyncio.current_task()]

    def cut(self) -> None:
        for writer in self._connections.values():
            writer.close()

    async def end(self) -> None:
        self.cut()
        await asyncio.gather(*filter(None, self._connections), return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, to_server: asyncio.StreamWriter, marked: set[bytes]) -> None:
        while request := await _read(reader):
            if self._mark is not None and self._mark in request:
                self.marked.append(request)
                marked.add(request[8:12])
            to_server.write(request)
        to_server.close()

    async def _carry_back(
        self, from_server: asyncio.StreamReader, writer: asyncio.StreamWriter, marked: set[bytes]
    ) -> None:
        while answer := await _read(from_server):
            told = answer.replace(pack(">i", self._server_port), pack(">i", self.port))
            changed = self._change(told) if answer[4:8] in marked else told
            if changed is None:
                self.cut()
                break
            writer.write(changed)
        writer.close()


def _unchanged(answer: bytes) -> bytes:
    return answer


async def _read(reader: asyncio.StreamReader) -> bytes:
    """What came; nothing at the end, however it came."""
    try:
        return await reader.read(CHUNK_BYTES)
    except ConnectionError:
        return b""


@asynccontextmanager
async def detour(server_port: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[Detour]:
    """A detour to the Kafka that listens there; on it, clients have to speak TLS if told so."""
    own = Detour(server_port)
    async with await asyncio.start_server(own.serve, "127.0.0.1", 0, ssl=tls) as server:
        own.port = server.sockets[0].getsockname()[1]
        try:
            yield own
        finally:
            await own.end()
