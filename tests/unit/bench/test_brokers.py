"""What a sale takes of a broker's clients is told without what they take at rest."""

import pytest

from tests.bench.brokers import Taken, Work

AT_REST = Taken(seconds=4, cpu_seconds={"relay": 0.08, "terminal-read": 0})


def test_rest_is_told_by_the_second() -> None:
    assert AT_REST.a_second_ms() == {"relay": 20, "terminal-read": 0}


def test_a_sale_takes_of_the_relay_what_publishing_took_and_of_the_others_what_all_took() -> None:
    publishing = Taken(seconds=2, cpu_seconds={"relay": 0.14, "terminal-read": 0.2})
    projecting = Taken(seconds=8, cpu_seconds={"relay": 0.30, "terminal-read": 0.5})
    work = Work(sales=1_000, publishing=publishing, projecting=projecting)
    assert work.a_sale_us(AT_REST) == pytest.approx({"relay": 100, "terminal-read": 500})
