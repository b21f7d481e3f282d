"""A client's CPU time is told without what it takes at rest."""

import pytest

from tests.bench.brokers import Taken


def test_a_sale_takes_what_would_not_have_been_taken_at_rest() -> None:
    at_rest = Taken(seconds=4, cpu_seconds={"relay": 0.08, "terminal-read": 0})
    taken = Taken(seconds=2, cpu_seconds={"relay": 0.14, "terminal-read": 0.5})
    assert at_rest.a_second_ms() == {"relay": 20, "terminal-read": 0}
    assert taken.a_sale_us(1_000, at_rest) == pytest.approx({"relay": 100, "terminal-read": 500})
