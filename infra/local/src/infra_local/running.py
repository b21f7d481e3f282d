"""A running private server, which its owner can start, pause, kill, stop and restart."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from infra_local.servers import Server

POLL_SECONDS = 0.02
LOG_TAIL_LINES = 20


class ProgramFailed(Exception):
    """A program failed; the text contains the end of its log."""

    def __init__(self, name: str, why: str, log: Path) -> None:
        super().__init__(f"{name} {why}; the last lines of {log}:\n{_tail(log)}")


def log_file(server: Server) -> Path:
    """Return the file to which its output goes."""
    return server.directory / "server.log"


def _tail(path: Path) -> str:
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    return "\n".join(lines[-LOG_TAIL_LINES:])


def prepare(server: Server) -> None:
    """Create its folder and files, and initialise its data the first time. Raises ProgramFailed."""
    server.directory.mkdir(parents=True, exist_ok=True)
    for name, text in server.files.items():
        (server.directory / name).write_text(text)
    initialised = server.directory / "initialised"
    if not server.initialise or initialised.exists():
        return
    with log_file(server).open("ab") as log:
        result = subprocess.run(
            server.initialise, cwd=server.directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False
        )
    if result.returncode != 0:
        raise ProgramFailed(server.name, "could not initialise its data", log_file(server))
    initialised.touch()


class RunningServer:
    """One server in its own process group: signals reach its children, Ctrl-C does not reach it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL for its clients."""
        return self.server.url

    @property
    def process_id(self) -> int:
        """The process id since the last start; only while it runs."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it is ready. Raises ProgramFailed on an end or timeout."""
        prepare(self.server)
        with log_file(self.server).open("ab") as log:
            self._process = subprocess.Popen(
                self.server.argv,
                cwd=self.server.directory,
                env={**os.environ, **self.server.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_until_ready(self._process)

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + self.server.start_seconds
        while not self.server.ready():
            if process.poll() is not None:
                raise self._failed(f"ended with code {process.returncode}")
            if time.monotonic() > deadline:
                self.kill()
                raise self._failed(f"did not answer within {self.server.start_seconds} s")
            time.sleep(POLL_SECONDS)

    def pause(self) -> None:
        """Freeze the server: its connections stay open and nothing is answered.

        Wait until it has stopped: the signal wakes one thread, and on a busy machine the others may
        still answer before that thread runs.
        """
        self._signal(signal.SIGSTOP)
        if self._process is not None:
            os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """Continue it after `pause`."""
        self._signal(signal.SIGCONT)

    def ended(self, *, seconds: float) -> int:
        """Wait until it has ended by itself, and return its exit status. Raises TimeoutExpired."""
        assert self._process is not None
        return self._process.wait(seconds)

    def kill(self) -> None:
        """Kill it with `kill -9`, so that it cannot flush anything."""
        self._signal(signal.SIGKILL)
        self._wait_until_gone()

    def stop(self) -> None:
        """Ask it to end, and kill it if it takes too long. Its data is kept."""
        if self._process is None:
            return
        self.resume()
        self._signal(self.server.stop_signal)
        try:
            self._process.wait(self.server.stop_seconds)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
        self._wait_until_gone()

    def restart(self) -> None:
        """Stop it if it runs, and start it again with the same data and ports."""
        self.stop()
        self.start()

    def _failed(self, why: str) -> ProgramFailed:
        return ProgramFailed(self.server.name, why, log_file(self.server))

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def _wait_until_gone(self) -> None:
        """Wait for the whole group: a child that ends a moment later still holds the port."""
        if self._process is None:
            return
        self._process.wait()
        with suppress(ProcessLookupError):
            while True:
                os.killpg(self._process.pid, 0)
                time.sleep(POLL_SECONDS)
        self._process = None
