"""CPU time and memory are parsed from Linux's files."""

import os
import time

from tests.bench import processes
from tests.bench.processes import TICKS_PER_SECOND, Process, read_memory

STAT = "42 (beam (smp) 1) S 7 42 42 0 -1 4194560 9 9 0 0 300 100 40 10 20 0 25 0 1234 5678 90"


def test_cpu_time_includes_ended_children() -> None:
    assert Process.read(STAT) == Process(parent=7, cpu_seconds=450 / TICKS_PER_SECOND)


def test_the_clock_of_a_process_is_precise() -> None:
    before = time.process_time()
    assert before < processes.clock(os.getpid()) < time.process_time()


def test_memory_is_summed_in_megabytes() -> None:
    status = "Name:\tpython\nVmHWM:\t    3072 kB\nVmRSS:\t    2048 kB\n"
    memory = read_memory([status, status])
    assert (memory.mb, memory.peak_mb) == (4, 6)


def test_the_cpu_time_of_a_part_includes_its_descendants() -> None:
    own = {"tests": os.getpid(), "parent": os.getppid()}
    used = processes.cpu_seconds(own)
    assert 0 < used["tests"] <= used["parent"]
