"""What processes take: CPU time and memory, each with all its descendants (Linux)."""

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
    """A line of /proc/<id>/stat, as far as it matters here."""

    parent: int
    cpu_seconds: float

    @classmethod
    def read(cls, line: str) -> Self:
        """CPU time is its own, in user and kernel, and that of its children that have ended."""
        # The program's name stands in brackets and may have brackets and spaces itself.
        after_name = line.rpartition(")")[2].split()
        return cls(parent=int(after_name[1]), cpu_seconds=sum(map(int, after_name[11:15])) / TICKS_PER_SECOND)


def cpu_seconds(parts: Mapping[str, int]) -> dict[str, float]:
    """CPU time so far of each part, named with the id of its process."""
    processes = _processes()
    return {
        part: sum(processes[one].cpu_seconds for one in _family(process_id, processes))
        for part, process_id in parts.items()
    }


def clock(process_id: int) -> float:
    """CPU time so far of this process alone, in seconds, far finer than /proc counts: by its clock_getcpuclockid(3)."""
    return time.clock_gettime(~process_id << 3 | 2)


def resident(parts: Mapping[str, int]) -> dict[str, Resident]:
    """Memory of each part, named with the id of its process."""
    processes = _processes()
    return {part: read_memory(_statuses(_family(process_id, processes))) for part, process_id in parts.items()}


def read_memory(statuses: Iterable[str]) -> Resident:
    """The sum over some /proc/<id>/status."""
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
    """All that run now."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found[int(folder.name)] = Process.read((folder / "stat").read_text())
        except (FileNotFoundError, ProcessLookupError):  # it has just ended
            continue
    return found


def _family(process_id: int, processes: Mapping[int, Process]) -> list[int]:
    """It and its descendants."""
    family = [process_id]
    for ancestor in family:
        family.extend(one for one, process in processes.items() if process.parent == ancestor)
    return family
