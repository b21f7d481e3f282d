"""The platform of private instances, as `./taskw up` runs it without Docker, in its own folder."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra_local import debian, leftovers
from infra_local.brokers import DEFAULT_BROKER, BrokerName
from infra_local.platform import Platform
from infra_local.ports import PortBook
from infra_local.startup import bring_up, shut_down
from infra_local.supervision import Supervisor


@dataclass(frozen=True, kw_only=True)
class PrivatePlatform:
    """The running processes, and the supervisor that restarts each one that dies."""

    home: Path
    broker: BrokerName
    description: Platform
    supervisor: Supervisor

    @property
    def keeps_messages(self) -> bool:
        return self.broker != "kafka"

    @property
    def url(self) -> str:
        return self.description.gateway.url

    def url_of(self, name: str) -> str:
        return next(server.url for server in self.description.servers() if server.name == name)

    def log_of(self, name: str) -> str:
        return self.supervisor.log_file(name).read_text()

    def process_ids(self) -> dict[str, int]:
        return self.supervisor.running()

    def is_ready(self, name: str) -> bool:
        return next(server for server in self.description.servers() if server.name == name).ready()

    def send_kill(self, process_id: int) -> None:
        os.kill(process_id, signal.SIGKILL)

    def stop(self, name: str) -> None:
        self.supervisor.stop(name)

    def start(self, name: str) -> None:
        self.supervisor.start(name)

    def restart(self, name: str) -> None:
        self.stop(name)
        self.start(name)

    def bring_up_again(self) -> str:
        return bring_up(self.home, PortBook(self.home / "ports.json"), self.broker, print).gateway.url


@contextmanager
def running(broker: BrokerName = DEFAULT_BROKER) -> Iterator[PrivatePlatform]:
    """Start the platform; stop every process and delete its data at the end."""
    debian.install_missing_servers()
    home = Path(tempfile.mkdtemp(prefix="ticketing-"))
    try:
        description = bring_up(home, PortBook(home / "ports.json"), broker, print)
        yield PrivatePlatform(home=home, broker=broker, description=description, supervisor=Supervisor(home))
    finally:
        shut_down(home)
        assert leftovers.find(home) == []
        shutil.rmtree(home)
