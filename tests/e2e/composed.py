"""The platform in containers, as compose.yaml describes it, in a project of its own."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra_local.ports import free_port

ROOT = Path(__file__).parents[2]
FILES = ("compose.yaml", "tests/e2e/published.yaml")
STOP_SECONDS = 10
LOG_LINES = 20
PORTS_INSIDE = {"purchase": 8000, "dynamodb": 8000}
# From inside its container the first process cannot be killed; from outside any engine lets it be done this way.
KILL = "import os, signal, sys; os.kill(int(sys.argv[1]), signal.SIGKILL)"


@dataclass(frozen=True, kw_only=True)
class ComposedPlatform:
    """What runs, under Docker's restart policy."""

    project: str
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def url_of(self, name: str) -> str:
        return "http://" + self.compose("port", name, str(PORTS_INSIDE[name])).strip()

    def process_ids(self) -> dict[str, int]:
        states = self.states()
        return {name: state["Pid"] for name, state in states.items() if state["Running"] or state["Restarting"]}

    def is_ready(self, name: str) -> bool:
        return bool(self.states()[name]["Health"]["Status"] == "healthy")

    def send_kill(self, process_id: int) -> None:
        of_the_machine = ["--rm", "--pid=host", "--user=0", "--network=none", "--entrypoint=python"]
        docker("run", *of_the_machine, f"{self.project}-purchase", "-c", KILL, str(process_id))

    def stop(self, name: str) -> None:
        self.compose("stop", name)

    def start(self, name: str) -> None:
        self.compose("start", name)

    def restart(self, name: str) -> None:
        if name == "rabbitmq":
            self.compose("exec", "-T", name, "rabbitmqctl", "shutdown", "--no-wait")
        else:
            self.compose("restart", name)

    def bring_up_again(self) -> str:
        self.up()
        return self.url

    def up(self) -> None:
        """Build, start, and wait until all is healthy. Raises CalledProcessError, with the end of all logs noted."""
        try:
            self.compose("up", "--detach", "--build", "--wait")
        except subprocess.CalledProcessError as failure:
            failure.add_note(failure.stderr)
            failure.add_note(self.compose("logs", "--no-color", f"--tail={LOG_LINES}"))
            raise

    def down(self) -> None:
        """Remove all of it, data included."""
        self.compose("down", "--volumes", "--remove-orphans", f"--timeout={STOP_SECONDS}")

    def states(self) -> dict[str, dict[str, Any]]:
        """What the engine says of each container, by the name of its service."""
        containers = json.loads(docker("inspect", *self.compose("ps", "--all", "--quiet").split()))
        return {one["Config"]["Labels"]["com.docker.compose.service"]: one["State"] for one in containers}

    def compose(self, *arguments: str) -> str:
        """Output of this command of Docker Compose. Raises CalledProcessError."""
        files = [argument for file in FILES for argument in ("--file", str(ROOT / file))]
        return docker("compose", f"--project-name={self.project}", *files, *arguments, PORT=str(self.port))


def docker(*arguments: str, **variables: str) -> str:
    """Output of this command of Docker, with these variables in its environment. Raises CalledProcessError."""
    environment = {**os.environ, **variables}
    return subprocess.run(
        ["docker", *arguments], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    ).stdout


@contextmanager
def running() -> Iterator[ComposedPlatform]:
    """The platform, built and brought up; gone with its data afterwards. Its images stay."""
    project = re.sub(r"[^a-z0-9]", "", ROOT.name.lower()) + "-e2e"
    platform = ComposedPlatform(project=project, port=free_port("gateway"))
    platform.down()
    try:
        platform.up()
        yield platform
    finally:
        platform.down()
