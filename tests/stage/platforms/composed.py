"""The platform in containers, from compose.yaml, in a Compose project of its own."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra_local.brokers import DEFAULT_BROKER, BrokerName, LastBroker
from infra_local.composition import ROOT, Composition, project_of
from infra_local.ports import PortBook

STOP_SECONDS = 10
# The first process of a container cannot be killed from inside it. Another container can kill it
# with every engine, if it shares the machine's process ids.
KILL = "import os, signal, sys; os.kill(int(sys.argv[1]), signal.SIGKILL)"


@dataclass(frozen=True, kw_only=True)
class ComposedPlatform:
    """The running containers, which Docker restarts by their restart policy."""

    composition: Composition
    last_broker: LastBroker
    image: str
    keeps_messages = True

    @property
    def broker(self) -> BrokerName:
        return self.last_broker.name

    @property
    def url(self) -> str:
        return self.url_of("gateway")

    def url_of(self, name: str) -> str:
        return self.composition.addresses()[name]

    def log_of(self, name: str) -> str:
        return self.composition.output("logs", "--no-log-prefix", "--no-color", name)

    def process_ids(self) -> dict[str, int]:
        states = self.composition.states()
        return {name: state["Pid"] for name, state in states.items() if state["Running"] or state["Restarting"]}

    def is_ready(self, name: str) -> bool:
        return bool(self.composition.states()[name]["Health"]["Status"] == "healthy")

    def exit_code(self, name: str) -> int:
        """Return the exit status of a container that has stopped."""
        return int(self.composition.states()[name]["ExitCode"])

    def send_kill(self, process_id: int) -> None:
        options = ["--rm", "--pid=host", "--user=0", "--network=none", "--entrypoint=python"]
        subprocess.run(["docker", "run", *options, self.image, "-c", KILL, str(process_id)], check=True)

    def stop(self, name: str) -> None:
        self.composition.run("stop", name)

    def start(self, name: str) -> None:
        self.composition.run("start", name)

    def restart(self, name: str) -> None:
        if name == "rabbitmq":
            self.composition.run("exec", "-T", name, "rabbitmqctl", "shutdown", "--no-wait")
        else:
            self.composition.run("restart", name)

    def bring_up_again(self) -> str:
        self.composition.up()
        return self.url


@contextmanager
def running(broker: BrokerName = DEFAULT_BROKER, suffix: str = "-e2e") -> Iterator[ComposedPlatform]:
    """Build and start the platform; remove it with its data at the end, and keep its images.

    The name of its project is the name for this checkout, with the suffix.
    """
    project = project_of(ROOT) + suffix
    with tempfile.TemporaryDirectory(prefix="ticketing-") as directory:
        last_broker = LastBroker(Path(directory) / "broker")
        last_broker.remember(broker)
        composition = Composition(PortBook(Path(directory) / "ports.json"), last_broker, project=project)
        with_data = ("--volumes", f"--timeout={STOP_SECONDS}")
        composition.down(*with_data)
        try:
            composition.up()
            yield ComposedPlatform(composition=composition, last_broker=last_broker, image=f"{project}-purchase")
        finally:
            composition.down(*with_data)
