"""A private server that runs: started, paused, killed, stopped and started again by whoever holds it."""

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
    """A program did not do what it was started for; carries the end of its log."""

    def __init__(self, name: str, why: str, log: Path) -> None:
        super().__init__(f"{name} {why}; the end of {log}:\n{_tail(log)}")


def log_file(server: Server) -> Path:
    """Where its output goes."""
    return server.directory / "server.log"


def _tail(path: Path) -> str:
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    return "\n".join(lines[-LOG_TAIL_LINES:])


def prepare(server: Server) -> None:
    """Make its folder and files, and its first data if there is none yet. Raises ProgramFailed."""
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
        raise ProgramFailed(server.name, "could not make its first data", log_file(server))
    initialised.touch()


class RunningServer:
    """One server in a process group of its own, so that a signal reaches its children and Ctrl-C does not."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where its clients find it."""
        return self.server.url

    @property
    def process_id(self) -> int:
        """Of its life since the last start; only while it runs."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it serves. Raises ProgramFailed when it ends first or takes too long."""
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
        """Freeze the server: it keeps its connections and answers nothing.

        Wait until it has stopped: the signal wakes one thread, and on a busy machine the others may
        still answer before that thread runs.
        """
        self._signal(signal.SIGSTOP)
        if self._process is not None:
            os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        self._signal(signal.SIGCONT)

    def ended(self, *, seconds: float) -> int:
        """Its exit status, once it has ended by itself. Raises TimeoutExpired when it takes longer than this."""
        assert self._process is not None
        return self._process.wait(seconds)

    def kill(self) -> None:
        """`kill -9`: no chance to flush anything."""
        self._signal(signal.SIGKILL)
        self._wait_until_gone()

    def stop(self) -> None:
        """Ask it to end, and kill it when it takes too long. Its data stays."""
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
        """Stop it if it runs, and start it on the same data and ports."""
        self.stop()
        self.start()

    def _failed(self, why: str) -> ProgramFailed:
        return ProgramFailed(self.server.name, why, log_file(self.server))

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def _wait_until_gone(self) -> None:
        """Wait for the whole group: a child that lives on a moment longer still holds the port."""
        if self._process is None:
            return
        self._process.wait()
        with suppress(ProcessLookupError):
            while True:
                os.killpg(self._process.pid, 0)
                time.sleep(POLL_SECONDS)
        self._process = None
