"""The CPU time per sale of a broker's clients is counted above their CPU time at rest."""

import pytest

from tests.bench.brokers import Usage, Work

AT_REST = Usage(seconds=4, cpu_seconds={"relay": 0.08, "terminal-read": 0})


def test_cpu_time_at_rest_is_per_second() -> None:
    assert AT_REST.per_second_ms() == {"relay": 20, "terminal-read": 0}


def test_the_relay_is_measured_while_publishing_and_the_others_until_projected() -> None:
    publishing = Usage(seconds=2, cpu_seconds={"relay": 0.14, "terminal-read": 0.2})
    projecting = Usage(seconds=8, cpu_seconds={"relay": 0.30, "terminal-read": 0.5})
    work = Work(sales=1_000, publishing=publishing, projecting=projecting)
    assert work.per_sale_us(AT_REST) == pytest.approx({"relay": 100, "terminal-read": 500})
