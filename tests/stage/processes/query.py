"""Query as a server in the test's own process."""

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
    """A client of a service with these settings.

    Requests from before the service has started wait in the backlog.
    """
    service = server(build(settings), settings)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(service.serve(sockets=[listener]))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        unlimited = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=address, timeout=30, limits=unlimited) as client:
            yield client
        service.should_exit = True
        await serving
