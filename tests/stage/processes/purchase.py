"""Purchase as a process of its own, in front of a real Redis."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from infra_local import probes
from infra_local.ports import free_port
from infra_local.running import RunningServer
from infra_local.servers import INFRA, Server
from purchase.install import install
from purchase.settings import Settings

from tests.stage.builders import PARTITIONS
from tests.stage.stores import isolation

SAMPLE_CATALOGUE = INFRA / "catalog"
NO_CATALOGUE = Path(__file__).parent
"""A folder without a catalogue."""
RUN_SECONDS = 30


def environment(redis_url: str, **variables: str) -> Mapping[str, str]:
    """Return the environment of a process; `variables` override and add."""
    defaults = {"PROFILE": "local", "REDIS_URL": redis_url, "PARTITIONS": str(PARTITIONS), "PYTHONUNBUFFERED": "1"}
    return {**defaults, "CATALOG_DIR": str(NO_CATALOGUE), **variables}


def prepare(redis_url: str) -> None:
    """Install the partitions, without a catalogue."""
    asyncio.run(install(Settings.read(environment(redis_url)), NO_CATALOGUE))


def describe(directory: Path, redis_url: str, *, health: str = "/health/ready", **variables: str) -> Server:
    """A purchase process, ready once `health` answers; `variables` add to its environment."""
    port = int(variables.get("HTTP_PORT") or free_port("purchase"))
    return Server(
        name="purchase",
        directory=directory,
        ports={"http": port},
        url=f"http://127.0.0.1:{port}",
        argv=[sys.executable, "-m", "purchase.app"],
        environment={**environment(redis_url, **variables), "HTTP_HOST": "127.0.0.1", "HTTP_PORT": str(port)},
        ready=partial(probes.http_answers, port, health),
    )


@contextmanager
def serving(redis_url: str, *, health: str = "/health/ready", **variables: str) -> Iterator[RunningServer]:
    """A running purchase process, which is killed at the end if it still runs."""
    directory = Path(tempfile.mkdtemp(prefix="ticketing-"))
    running = RunningServer(describe(directory, redis_url, health=health, **variables))
    try:
        running.start()
        yield running
    finally:
        running.kill()
        shutil.rmtree(directory)


@dataclass(frozen=True)
class Service:
    """The addresses of a purchase process and its Redis."""

    url: str
    redis_url: str


@contextmanager
def serving_alone(redis_server: str, **variables: str) -> Iterator[Service]:
    """A purchase process on a Redis that is empty and all its own."""
    with isolation.empty_redis(redis_server) as redis_url:
        prepare(redis_url)
        with serving(redis_url, **variables) as running:
            yield Service(running.url, redis_url)


def run(module: str, redis_url: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m <module>` to its end; standard output has the errors, too."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, "HTTP_PORT": str(free_port(module)), **environment(redis_url, **variables)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
