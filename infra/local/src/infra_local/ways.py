"""The two ways to run the platform on this machine, and which of them is taken."""

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
from infra_local.startup import SETTLE_SECONDS, STOP_SECONDS, bring_up, settle, shut_down
from infra_local.supervision import Supervisor

LOG_LINES = "20"
IN_MEMORY = (
    "Kafka, played by Tansu, which has no idempotent producer and keeps messages in memory only. ./taskw down lets the "
    "models take in what waits there; should it die otherwise, that is lost, and ./taskw up gets things going again"
)


class Way(Protocol):
    """One way to run the platform whose data belong to this checkout."""

    name: str
    words: str
    broker: LastBroker

    def about(self, broker: BrokerName) -> str:
        """What is to be known of this broker here."""

    def keeps(self, broker: BrokerName) -> bool:
        """Whether messages may wait in this broker while the platform does not run."""

    def is_running(self) -> bool:
        """Whether it runs this way now."""

    def addresses(self) -> Mapping[str, str]:
        """Where each part listens, the gateway last."""

    def clear(self) -> None:
        """End what a supervisor that is gone has left behind; right only while it does not run."""

    def bring_up(self, broker: BrokerName, console: Console) -> None:
        """Start what does not run yet and return when all is ready; what fails or is interrupted leaves nothing."""

    def take_down(self, console: Console, *, purge: bool) -> None:
        """Stop everything; remove the data only if told to."""

    def follow_logs(self) -> None:
        """Show what everything says, until interrupted."""


class Private:
    """Private instances under a supervisor."""

    name = "private"
    words = "as private instances, without Docker"

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
        """Its data lie in its home, and go with it."""
        forgetting = self.is_running() and not self.keeps(self.broker.name)
        if forgetting and not purge and not settle(self._platform(), self._supervisor):
            console.print(f"after {SETTLE_SECONDS} s messages still waited in the broker's memory: they are lost")
        shut_down(self._home)

    def follow_logs(self) -> None:
        logs = sorted(str(path) for path in (self._home / "logs").glob("*.log"))
        subprocess.run(["tail", "-n", LOG_LINES, "-F", *logs], check=False)

    def _platform(self) -> Platform:
        return describe(self._home, self._ports, self.broker.name)


class Containers:
    """Containers, as compose.yaml describes them."""

    name = "docker"
    words = "in containers, with Docker"

    def __init__(self, home: Path, ports: PortBook) -> None:
        self.broker = LastBroker(home / f"{self.name}-broker")
        self._composition = Composition(ports, self.broker, project=project_of(ROOT))

    def about(self, broker: BrokerName) -> str:
        return TITLES[broker]

    def keeps(self, _: BrokerName) -> bool:
        """Each has a volume."""
        return True

    def is_running(self) -> bool:
        return composition.engine_answers() and self._composition.is_running()

    def addresses(self) -> Mapping[str, str]:
        return self._composition.addresses()

    def clear(self) -> None:
        """Docker leaves nothing behind."""

    def bring_up(self, broker: BrokerName, console: Console) -> None:
        """Docker Compose has a progress of its own."""
        was_running = self.is_running()
        self.broker.remember(broker)
        try:
            self._composition.up()
        except BaseException:
            if not was_running:
                console.print("\nstopping what was started (./taskw down does it too, should this be interrupted)")
                self._composition.down()
            raise

    def take_down(self, _: Console, *, purge: bool) -> None:
        if composition.engine_answers():
            self._composition.down(*(["--volumes"] if purge else []))

    def follow_logs(self) -> None:
        self._composition.tell("logs", "--follow", "--tail", LOG_LINES)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The way that is taken, and why."""

    way: Way
    why: str


def ways(home: Path, ports: PortBook) -> Sequence[Way]:
    """Both, on these ports; what must be kept lies in `home`, or in volumes of Docker."""
    return [Containers(home, ports), Private(home, ports)]


def choose(both: Sequence[Way], *, asked: str | None, last: str | None, engine_answers: Callable[[], bool]) -> Choice:
    """What was asked for; else what runs; else the way of last time, where the data are; else Docker, if it is here."""
    named = {way.name: way for way in both}
    if asked:
        return Choice(way=named[asked], why="you asked for it")
    for way in both:
        if way.is_running():
            return Choice(way=way, why="it runs already")
    if last == Private.name:
        return Choice(way=named[last], why="as last time, so that its data are there")
    if not engine_answers():
        return Choice(way=named[Private.name], why="no Docker engine with Docker Compose answers here")
    why = "as last time, so that its data are there" if last else "a Docker engine answers here"
    return Choice(way=named[Containers.name], why=why)


@contextmanager
def _reporting(console: Console) -> Iterator[Callable[[str], None]]:
    """Show what is being waited for: in one line that changes, or line by line where lines cannot change."""
    if not console.is_terminal:
        yield console.print
        return
    with console.status("starting") as status:
        yield status.update
