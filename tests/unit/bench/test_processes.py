"""CPU time and memory are read as Linux tells them."""

import os
import time

from tests.bench import processes
from tests.bench.processes import TICKS_PER_SECOND, Process, read_memory

STAT = "42 (beam (smp) 1) S 7 42 42 0 -1 4194560 9 9 0 0 300 100 40 10 20 0 25 0 1234 5678 90"


def test_cpu_time_is_that_of_the_process_and_of_its_children_that_have_ended() -> None:
    assert Process.read(STAT) == Process(parent=7, cpu_seconds=450 / TICKS_PER_SECOND)


def test_the_clock_of_a_process_is_finer() -> None:
    before = time.process_time()
    assert before < processes.clock(os.getpid()) < time.process_time()


def test_memory_is_summed_in_megabytes() -> None:
    status = "Name:\tpython\nVmHWM:\t    3072 kB\nVmRSS:\t    2048 kB\n"
    memory = read_memory([status, status])
    assert (memory.mb, memory.peak_mb) == (4, 6)


def test_a_part_takes_what_its_descendants_take() -> None:
    own = {"tests": os.getpid(), "parent": os.getppid()}
    taken = processes.cpu_seconds(own)
    assert 0 < taken["tests"] <= taken["parent"]
