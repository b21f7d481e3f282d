"""Only the script's own line of wrk's output is parsed."""

import msgspec
import pytest

from tests.bench import wrk

OUTPUT = b"""Running 5s test @ http://127.0.0.1:8001
  1 threads and 64 connections
Requests/sec:   3200.10
{"answers":16001,"seconds":5.000200,"p50_ms":19.120,"p99_ms":54.001,"refused":2,"broken":1}
"""


def test_the_last_line_has_the_figures() -> None:
    assert wrk.read(OUTPUT) == wrk.Result(
        answers=16_001, seconds=5.0002, p50_ms=19.12, p99_ms=54.001, refused=2, broken=1
    )


def test_output_without_that_line_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        wrk.read(OUTPUT[: OUTPUT.index(b"{")])
