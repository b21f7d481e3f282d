"""Relays as they run: processes of their own."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
from infra_local import probes
from infra_local.ports import free_port
from infra_local.running import RunningServer
from infra_local.servers import Server

from tests.stage.arrivals import DEADLINE_SECONDS, POLL_SECONDS
from tests.stage.builders import PARTITIONS
from tests.stage.processes.purchase import environment


def describe(directory: Path, redis_url: str, settings: Mapping[str, str]) -> Server:
    """One relay, that serves its health and metrics."""
    port = free_port("relay")
    told = {"PARTITIONS": str(PARTITIONS), "HTTP_HOST": "127.0.0.1", "HTTP_PORT": str(port)}
    return Server(
        name="relay",
        directory=directory,
        ports={"http": port},
        url=f"http://127.0.0.1:{port}",
        argv=[sys.executable, "-m", "purchase.relay"],
        environment=environment(redis_url, **settings, **told),
        ready=partial(probes.http_answers, port, "/health/ready"),
    )


@contextmanager
def relay_process(redis_url: str, settings: Mapping[str, str]) -> Iterator[RunningServer]:
    """A relay that is ready; killed afterwards if it still runs."""
    directory = Path(tempfile.mkdtemp(prefix="ticketing-"))
    running = RunningServer(describe(directory, redis_url, settings))
    try:
        running.start()
        yield running
    finally:
        running.kill()
        shutil.rmtree(directory)


async def figures_of(http: httpx.AsyncClient, *names: str) -> dict[str, float]:
    """These figures, once each has moved."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            told = (await http.get("/metrics")).text
            lines = (line.split() for line in told.splitlines() if not line.startswith("#"))
            figures = {line[0]: float(line[1]) for line in lines if line[0] in names}
            if all(figures.get(name) for name in names):
                return figures
            await asyncio.sleep(POLL_SECONDS)
