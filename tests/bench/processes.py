"""Reads the CPU time and memory of processes, each with all its descendants (Linux)."""

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.bench.figures import Resident

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, kw_only=True)
class Process:
    """The fields of /proc/<id>/stat that are used here."""

    parent: int
    cpu_seconds: float

    @classmethod
    def read(cls, line: str) -> Self:
        """Parse a line; CPU time is user and kernel time, its own and that of ended children."""
        # The program's name is in brackets and may itself contain brackets and spaces.
        after_name = line.rpartition(")")[2].split()
        return cls(parent=int(after_name[1]), cpu_seconds=sum(map(int, after_name[11:15])) / TICKS_PER_SECOND)


def cpu_seconds(parts: Mapping[str, int]) -> dict[str, float]:
    """Return the CPU time so far of each part; `parts` maps names to process ids."""
    processes = _processes()
    return {
        part: sum(processes[one].cpu_seconds for one in _family(process_id, processes))
        for part, process_id in parts.items()
    }


def clock(process_id: int) -> float:
    """Return the CPU time so far of this process alone, in seconds.

    Uses its clock_getcpuclockid(3), which is much more precise than /proc.
    """
    return time.clock_gettime(~process_id << 3 | 2)


def resident(parts: Mapping[str, int]) -> dict[str, Resident]:
    """Return the memory of each part; `parts` maps names to process ids."""
    processes = _processes()
    return {part: read_memory(_statuses(_family(process_id, processes))) for part, process_id in parts.items()}


def read_memory(statuses: Iterable[str]) -> Resident:
    """Sum up the memory of several /proc/<id>/status."""
    now_kb, peak_kb = 0, 0
    for status in statuses:
        fields = dict(line.split(":", 1) for line in status.splitlines())
        now_kb += _kilobytes(fields["VmRSS"])
        peak_kb += _kilobytes(fields["VmHWM"])
    return Resident(mb=now_kb / 1024, peak_mb=peak_kb / 1024)


def _kilobytes(text: str) -> int:
    return int(text.removesuffix("kB"))


def _statuses(process_ids: Iterable[int]) -> Iterator[str]:
    for process_id in process_ids:
        yield Path(f"/proc/{process_id}/status").read_text()


def _processes() -> dict[int, Process]:
    """Read all running processes."""
    processes = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            processes[int(folder.name)] = Process.read((folder / "stat").read_text())
        except (FileNotFoundError, ProcessLookupError):  # the process has just ended
            continue
    return processes


def _family(process_id: int, processes: Mapping[int, Process]) -> list[int]:
    """Return the ids of a process and its descendants."""
    family = [process_id]
    for ancestor in family:
        family.extend(one for one, process in processes.items() if process.parent == ancestor)
    return family
