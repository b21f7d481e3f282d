"""The two runtimes for the platform on this machine, private instances and containers."""

import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rich.console import Console

from infra_local import composition, debian, leftovers
from infra_local.brokers import TITLES, BrokerName, LastBroker
from infra_local.composition import ROOT, Composition, project_of
from infra_local.platform import Platform, describe
from infra_local.ports import PortBook
from infra_local.programs import DEBIAN_PACKAGES, MARIADB_PACKAGES
from infra_local.startup import DRAIN_SECONDS, STOP_SECONDS, bring_up, drain, shut_down
from infra_local.supervision import Supervisor

LOG_LINES = "20"
IN_MEMORY = (
    "Tansu, in place of Kafka. It has no idempotent producer and stores messages in memory only. ./taskw down waits "
    "until the models have processed them. If Tansu is killed, they are lost; run ./taskw up to recover"
)


class Runtime(Protocol):
    """A way to run the platform whose data belong to this checkout."""

    name: str
    description: str
    broker: LastBroker

    def about(self, broker: BrokerName) -> str:
        """Describe this broker on this runtime."""

    def keeps(self, broker: BrokerName) -> bool:
        """Return whether this broker keeps messages while the platform does not run."""

    def is_running(self) -> bool:
        """Return whether the platform is running on this runtime."""

    def addresses(self) -> Mapping[str, str]:
        """Return the address of each part, the gateway last."""

    def clear(self) -> None:
        """End processes that a dead supervisor has left behind. Call only if it does not run."""

    def bring_up(self, broker: BrokerName, console: Console) -> None:
        """Start every part that does not run, and return when all are ready.

        On failure or Ctrl-C nothing that was started stays running.
        """

    def take_down(self, console: Console, *, purge: bool) -> None:
        """Stop everything; remove the data only with `purge`."""

    def follow_logs(self) -> None:
        """Show the logs of all parts, until interrupted."""


class Private:
    """The platform as private instances under a supervisor."""

    name = "private"
    description = "as private instances, without Docker"

    def __init__(self, home: Path, ports: PortBook) -> None:
        self.broker = LastBroker(home / f"{self.name}-broker")
        self._home = home
        self._ports = ports
        self._supervisor = Supervisor(home)

    def about(self, broker: BrokerName) -> str:
        return IN_MEMORY if broker == "kafka" else TITLES[broker]

    def keeps(self, broker: BrokerName) -> bool:
        return broker != "kafka"

    def is_running(self) -> bool:
        return self._supervisor.is_running()

    def addresses(self) -> Mapping[str, str]:
        return {server.name: server.url for server in self._platform().servers()}

    def clear(self) -> None:
        leftovers.end(self._home, STOP_SECONDS)

    def bring_up(self, broker: BrokerName, console: Console) -> None:
        debian.install_missing(DEBIAN_PACKAGES if broker == "rabbitmq" else MARIADB_PACKAGES)
        self.broker.remember(broker)
        with _reporting(console) as say:
            bring_up(self._home, self._ports, broker, say)

    def take_down(self, console: Console, *, purge: bool) -> None:
        """Stop everything. The data are in the home folder, which the caller removes."""
        loses_messages = self.is_running() and not self.keeps(self.broker.name)
        if loses_messages and not purge and not drain(self._platform(), self._supervisor):
            console.print(
                f"the models did not process all messages within {DRAIN_SECONDS} s: "
                "the rest, in the broker's memory, is lost"
            )
        shut_down(self._home)

    def follow_logs(self) -> None:
        logs = sorted(str(path) for path in (self._home / "logs").glob("*.log"))
        subprocess.run(["tail", "-n", LOG_LINES, "-F", *logs], check=False)

    def _platform(self) -> Platform:
        return describe(self._home, self._ports, self.broker.name)


class Containers:
    """The platform in containers, as in compose.yaml."""

    name = "docker"
    description = "in Docker containers"

    def __init__(self, home: Path, ports: PortBook) -> None:
        self.broker = LastBroker(home / f"{self.name}-broker")
        self._composition = Composition(ports, self.broker, project=project_of(ROOT))

    def about(self, broker: BrokerName) -> str:
        return TITLES[broker]

    def keeps(self, _: BrokerName) -> bool:
        """Return True: each broker has a volume."""
        return True

    def is_running(self) -> bool:
        return composition.engine_answers() and self._composition.is_running()

    def addresses(self) -> Mapping[str, str]:
        return self._composition.addresses()

    def clear(self) -> None:
        """Do nothing: Docker leaves no processes behind."""

    def bring_up(self, broker: BrokerName, console: Console) -> None:
        """Start the containers. Docker Compose prints its own progress."""
        was_running = self.is_running()
        self.broker.remember(broker)
        try:
            self._composition.up()
        except BaseException:
            if not was_running:
                console.print("\nstopping the started containers (if this is interrupted, run ./taskw down)")
                self._composition.down()
            raise

    def take_down(self, _: Console, *, purge: bool) -> None:
        if composition.engine_answers():
            self._composition.down(*(["--volumes"] if purge else []))

    def follow_logs(self) -> None:
        self._composition.run("logs", "--follow", "--tail", LOG_LINES)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The chosen runtime, and the reason."""

    runtime: Runtime
    why: str


def runtimes(home: Path, ports: PortBook) -> Sequence[Runtime]:
    """Return both runtimes, on these ports. Their data are in `home` or in Docker volumes."""
    return [Containers(home, ports), Private(home, ports)]


def choose(
    both: Sequence[Runtime], *, asked: str | None, last: str | None, engine_answers: Callable[[], bool]
) -> Choice:
    """Choose the requested runtime, else the running one, else that of the last run, else Docker.

    The runtime of the last run has the data. Without a Docker engine, private instances are chosen.
    """
    named = {runtime.name: runtime for runtime in both}
    if asked:
        return Choice(runtime=named[asked], why="as requested")
    for runtime in both:
        if runtime.is_running():
            return Choice(runtime=runtime, why="it is already running")
    if last == Private.name:
        return Choice(runtime=named[last], why="as last time, where its data is")
    if not engine_answers():
        return Choice(runtime=named[Private.name], why="no Docker engine with Docker Compose is available")
    why = "as last time, where its data is" if last else "a Docker engine is available"
    return Choice(runtime=named[Containers.name], why=why)


@contextmanager
def _reporting(console: Console) -> Iterator[Callable[[str], None]]:
    """Report progress: in one changing line on a terminal, otherwise line by line."""
    if not console.is_terminal:
        yield console.print
        return
    with console.status("starting") as status:
        yield status.update
