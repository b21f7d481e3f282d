"""The two ways to run the platform on this machine, and which of them is taken."""

import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rich.console import Console

from infra_local import composition, debian, leftovers
from infra_local.composition import ROOT, Composition, project_of
from infra_local.platform import describe
from infra_local.ports import PortBook
from infra_local.startup import STOP_SECONDS, bring_up, shut_down
from infra_local.supervision import Supervisor

LOG_LINES = "20"


class Way(Protocol):
    """One way to run the platform whose data belong to this checkout."""

    name: str
    words: str

    def is_running(self) -> bool:
        """Whether it runs this way now."""

    def addresses(self) -> Mapping[str, str]:
        """Where each part listens, the gateway last."""

    def clear(self) -> None:
        """End what a supervisor that is gone has left behind; right only while it does not run."""

    def bring_up(self, console: Console) -> None:
        """Start what does not run yet and return when all is ready; what fails or is interrupted leaves nothing."""

    def take_down(self, *, purge: bool) -> None:
        """Stop everything; remove the data only if told to."""

    def follow_logs(self) -> None:
        """Show what everything says, until interrupted."""


class Private:
    """Private instances under a supervisor."""

    name = "private"
    words = "as private instances, without Docker"

    def __init__(self, home: Path, ports: PortBook) -> None:
        self._home = home
        self._ports = ports
        self._supervisor = Supervisor(home)

    def is_running(self) -> bool:
        return self._supervisor.is_running()

    def addresses(self) -> Mapping[str, str]:
        return {server.name: server.url for server in describe(self._home, self._ports).servers()}

    def clear(self) -> None:
        leftovers.end(self._home, STOP_SECONDS)

    def bring_up(self, console: Console) -> None:
        debian.install_missing_servers()
        with _reporting(console) as say:
            bring_up(self._home, self._ports, say)

    def take_down(self, *, purge: bool) -> None:  # noqa: ARG002 - its data lie in its home, and go with it
        shut_down(self._home)

    def follow_logs(self) -> None:
        logs = sorted(str(path) for path in (self._home / "logs").glob("*.log"))
        subprocess.run(["tail", "-n", LOG_LINES, "-F", *logs], check=False)


class Containers:
    """Containers, as compose.yaml describes them."""

    name = "docker"
    words = "in containers, with Docker"

    def __init__(self, ports: PortBook) -> None:
        self._composition = Composition(ports, project=project_of(ROOT))

    def is_running(self) -> bool:
        return composition.engine_answers() and self._composition.is_running()

    def addresses(self) -> Mapping[str, str]:
        return self._composition.addresses()

    def clear(self) -> None:
        """Docker leaves nothing behind."""

    def bring_up(self, console: Console) -> None:
        """Docker Compose has a progress of its own."""
        was_running = self.is_running()
        try:
            self._composition.up()
        except BaseException:
            if not was_running:
                console.print("\nstopping what was started (./taskw down does it too, should this be interrupted)")
                self._composition.down()
            raise

    def take_down(self, *, purge: bool) -> None:
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
    return [Containers(ports), Private(home, ports)]


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
