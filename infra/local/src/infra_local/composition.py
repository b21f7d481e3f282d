"""The platform in containers: runs Docker Compose with the right files, ports and settings."""

import json
import os
import re
import subprocess
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra_local.brokers import BrokerName, LastBroker
from infra_local.ports import PortChooser
from infra_local.servers import BROKER_PASSWORD, BROKER_USER, INFRA

ROOT = INFRA.parent
FILES = (ROOT / "compose.yaml", INFRA / "local/published.yaml")
SERVICES = ("sandbox", "purchase", "relay", "terminal-write", "terminal-read", "query")
_BEHIND_THE_GATEWAY = ("redis", "amqp", "management", "kafka", "mysql", "dynamodb", *SERVICES)
# The variables of the files, keyed by our names of the ports.
PORTS = {name: name.upper().replace("-", "_") + "_PORT" for name in _BEHIND_THE_GATEWAY} | {"gateway": "PORT"}
# The variables by which one broker runs and is used.
CHOICES: Mapping[BrokerName, Mapping[str, str]] = {
    "rabbitmq": {"BROKER": "rabbitmq", "RABBITMQ_SCALE": "1", "COMPOSE_PROFILES": ""},
    "kafka": {"BROKER": "kafka", "RABBITMQ_SCALE": "0", "COMPOSE_PROFILES": "kafka"},
}
ANSWER_SECONDS = 10
LOG_LINES = 20


class CompositionFailed(Exception):
    """Docker Compose failed; it has already printed why."""


def engine_answers() -> bool:
    """Return whether a Docker engine and Docker Compose are available."""
    try:
        subprocess.run(["docker", "compose", "ls"], capture_output=True, timeout=ANSWER_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def project_of(checkout: Path) -> str:
    """Return a unique project name; Docker Compose's default, the folder's name, may not be."""
    folder = re.sub(r"[^a-z0-9]", "", checkout.name.lower())
    return f"{folder or 'ticketing'}-{zlib.crc32(os.fsencode(checkout)):08x}"


class Composition:
    """One project of Docker Compose."""

    def __init__(self, port_for: PortChooser, broker: LastBroker, *, project: str) -> None:
        self._port_for = port_for
        self._broker = broker
        self.project = project

    def addresses(self) -> Mapping[str, str]:
        """Return the address of each part on this machine, the gateway last."""
        at = {name: f"127.0.0.1:{self._port_for(name)}" for name in PORTS}
        brokers = {"rabbitmq": f"amqp://{BROKER_USER}:{BROKER_PASSWORD}@{at['amqp']}/", "kafka": at["kafka"]}
        broker = self._broker.name
        return {
            "redis": f"redis://{at['redis']}/0",
            broker: brokers[broker],
            "mysql": f"mysql+aiomysql://terminal:terminal@{at['mysql']}/ticketing",
            **{name: f"http://{at[name]}" for name in ("dynamodb", *SERVICES, "gateway")},
        }

    def up(self) -> None:
        """Build the images, start the containers and wait until all are healthy.

        Raises CompositionFailed.
        """
        try:
            self.run("up", "--detach", "--build", "--wait")
        except CompositionFailed:
            self.run("logs", f"--tail={LOG_LINES}")
            raise

    def down(self, *options: str) -> None:
        """Remove the containers; with `--volumes` the data too. Raises CompositionFailed."""
        # All profiles: the other broker may run too, if a move was left half-way.
        self.run("--profile=*", "down", "--remove-orphans", *options)

    def is_running(self) -> bool:
        """Return whether any of its containers runs. Raises CompositionFailed."""
        return bool(self.output("ps", "--quiet"))

    def states(self) -> dict[str, dict[str, Any]]:
        """Return the engine's state of each container, by service. Raises CompositionFailed."""
        identities = self.output("ps", "--all", "--quiet").split()
        inspected = subprocess.run(["docker", "inspect", *identities], capture_output=True, check=True).stdout
        containers = json.loads(inspected)
        return {one["Config"]["Labels"]["com.docker.compose.service"]: one["State"] for one in containers}

    def run(self, *arguments: str) -> None:
        """Run a command and show its output. Raises CompositionFailed."""
        self._run(arguments, capture=False)

    def output(self, *arguments: str) -> str:
        """Run a command and return its output. Raises CompositionFailed."""
        return self._run(arguments, capture=True)

    def _run(self, arguments: tuple[str, ...], *, capture: bool) -> str:
        files = [part for file in FILES for part in ("--file", str(file))]
        at = ["--project-directory", str(ROOT), "--project-name", self.project]
        ports = {variable: str(self._port_for(name)) for name, variable in PORTS.items()}
        result = subprocess.run(
            ["docker", "compose", *files, *at, *arguments],
            env={**os.environ, **ports, **CHOICES[self._broker.name]},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if capture else None,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            raise CompositionFailed(f"docker compose {' '.join(arguments)} failed; see its output above")
        return result.stdout or ""
