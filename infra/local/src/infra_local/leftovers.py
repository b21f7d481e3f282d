"""Processes of a platform, found by a mark in their environment even when nobody supervises them any more (Linux)."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

_MARK = "TICKETING_HOME"
POLL_SECONDS = 0.1


def mark(home: Path) -> dict[str, str]:
    """What a process and its children carry in their environment."""
    return {_MARK: str(home)}


def find(home: Path) -> list[int]:
    """The ids of the processes that carry this home's mark."""
    return [int(process.name) for process in Path("/proc").glob("[0-9]*") if _is_marked(process, home)]


def _is_marked(process: Path, home: Path) -> bool:
    try:
        environment = (process / "environ").read_bytes()
    except OSError:
        return False
    return f"{_MARK}={home}".encode() in environment.split(b"\0")


def wait_until_gone(home: Path, patience_seconds: float) -> bool:
    """Whether all of them ended in time."""
    deadline = time.monotonic() + patience_seconds
    while find(home):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def end(home: Path, patience_seconds: float) -> None:
    """Ask all of them to end, then kill those that take too long."""
    _signal_all(home, signal.SIGTERM)
    if not wait_until_gone(home, patience_seconds):
        _signal_all(home, signal.SIGKILL)
        wait_until_gone(home, patience_seconds)


def _signal_all(home: Path, number: signal.Signals) -> None:
    for process_id in find(home):
        with suppress(ProcessLookupError):
            os.kill(process_id, number)
