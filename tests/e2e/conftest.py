"""The whole platform, as `./taskw up` runs it, in a folder of its own."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from infra_local import debian, leftovers
from infra_local.platform import Platform
from infra_local.ports import PortBook
from infra_local.startup import bring_up, shut_down
from infra_local.supervision import Supervisor

PATIENCE_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class RunningPlatform:
    """What runs, and the supervisor that starts again whatever dies of it."""

    home: Path
    description: Platform
    supervisor: Supervisor

    @property
    def url(self) -> str:
        """The gateway's."""
        return self.description.gateway.url

    def url_of(self, name: str) -> str:
        """Where this store or service listens."""
        return next(server.url for server in self.description.servers() if server.name == name)

    def process_id(self, name: str) -> int:
        """Its process; 0 between two lives."""
        return self.supervisor.running()[name]

    def kill(self, name: str) -> None:
        """`kill -9`."""
        os.kill(self.process_id(name), signal.SIGKILL)

    def start(self, name: str) -> None:
        """Start what was stopped through the supervisor."""
        self.supervisor.start(name)
        self.wait_until_ready(name)

    def wait_until_ready(self, name: str, *, not_process: int = 0) -> None:
        """Until it is ready, in another life than the one that had this process id."""
        server = next(server for server in self.description.servers() if server.name == name)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.process_id(name) in (0, not_process) or not server.ready():
            assert time.monotonic() < deadline, f"{name} did not come back"
            time.sleep(0.05)


@pytest.fixture(scope="session")
def platform() -> Iterator[RunningPlatform]:
    """The platform with its sample catalogue, for all end-to-end tests together."""
    debian.install_missing_servers()
    home = Path(tempfile.mkdtemp(prefix="ticketing-"))
    try:
        description = bring_up(home, PortBook(home / "ports.json"), print)
        yield RunningPlatform(home=home, description=description, supervisor=Supervisor(home))
    finally:
        shut_down(home)
        assert leftovers.find(home) == []
        shutil.rmtree(home)
