"""An HTTP server whose answers a test scripts, however bad."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[str]:
    """Address of a server that reads a request, lets `answer` reply, and closes the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = [line.partition(b":")[2] for line in head.splitlines() if line.startswith(b"content-length:")]
        await reader.readexactly(int(length[0]) if length else 0)
        await answer(writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}"


def saying(status: int, body: bytes) -> Answer:
    """Return an answer with this status and body."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 {status} As Scripted\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    return answer


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Close the connection without an answer."""
    writer.transport.abort()
