"""Finds a platform's processes by a mark in their environment, supervised or not (Linux)."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

_MARK = "TICKETING_HOME"
POLL_SECONDS = 0.1


def mark(home: Path) -> dict[str, str]:
    """Return the environment variable that marks a process and its children."""
    return {_MARK: str(home)}


def find(home: Path) -> list[int]:
    """Return the ids of the processes with this home's mark."""
    return [int(process.name) for process in Path("/proc").glob("[0-9]*") if _is_marked(process, home)]


def _is_marked(process: Path, home: Path) -> bool:
    try:
        environment = (process / "environ").read_bytes()
    except OSError:
        return False
    return f"{_MARK}={home}".encode() in environment.split(b"\0")


def wait_until_gone(home: Path, timeout_seconds: float) -> bool:
    """Wait until all of them have ended. Returns False on timeout."""
    deadline = time.monotonic() + timeout_seconds
    while find(home):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def end(home: Path, timeout_seconds: float) -> None:
    """Ask all of them to end, then kill those that take too long."""
    _signal_all(home, signal.SIGTERM)
    if not wait_until_gone(home, timeout_seconds):
        _signal_all(home, signal.SIGKILL)
        wait_until_gone(home, timeout_seconds)


def _signal_all(home: Path, number: signal.Signals) -> None:
    for process_id in find(home):
        with suppress(ProcessLookupError):
            os.kill(process_id, number)
