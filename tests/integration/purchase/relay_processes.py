"""Relays as they run: processes of their own."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from infra_local import probes
from infra_local.ports import free_port
from infra_local.running import RunningServer
from infra_local.servers import Server

from tests.integration.purchase.builders import PARTITIONS
from tests.integration.purchase.serving import environment


def describe(directory: Path, redis_url: str, rabbitmq_url: str) -> Server:
    """One relay, that serves its health and metrics."""
    port = free_port("relay")
    told = {"RABBITMQ_URL": rabbitmq_url, "PARTITIONS": str(PARTITIONS), "HTTP_HOST": "127.0.0.1"}
    return Server(
        name="relay",
        directory=directory,
        ports={"http": port},
        url=f"http://127.0.0.1:{port}",
        argv=[sys.executable, "-m", "purchase.relay"],
        environment=environment(redis_url, HTTP_PORT=str(port), **told),
        ready=partial(probes.http_answers, port, "/health/ready"),
    )


@contextmanager
def relay_process(redis_url: str, rabbitmq_url: str) -> Iterator[RunningServer]:
    """A relay that is ready; killed afterwards if it still runs."""
    directory = Path(tempfile.mkdtemp(prefix="ticketing-"))
    running = RunningServer(describe(directory, redis_url, rabbitmq_url))
    try:
        running.start()
        yield running
    finally:
        running.kill()
        shutil.rmtree(directory)
