"""The service as its clients meet it: listening, in this process."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from query.app import build
from query.process import server
from query.settings import Settings


@asynccontextmanager
async def serve(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service with these settings; what it asks before the service has started waits in the backlog."""
    service = server(build(settings), settings)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(service.serve(sockets=[listener]))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        crowd = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=address, timeout=30, limits=crowd) as client:
            yield client
        service.should_exit = True
        await serving
