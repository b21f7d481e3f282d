"""The page shows the measured figures, and says which were not measured."""

from datetime import date
from pathlib import Path

from tests.bench import page
from tests.bench.figures import (
    CLIENTS,
    SUBJECTS,
    Brokers,
    Figures,
    Load,
    Machine,
    Origin,
    Resident,
    Run,
    Sales,
    Spread,
    Turn,
)

MACHINE = Machine(processor="Abacus", cores=2, memory_gb=24.0, kernel="6.1", versions={"Python": "3.11.7"})
ORIGIN = Origin(command="./taskw bench", on=date(2026, 11, 25))


def run(*, answers: int, cpu_us: float) -> Run:
    return Run(answers=answers, seconds=2, p50_ms=1, p99_ms=2, cpu_us={"server": cpu_us})


def sales(*rates: int) -> Sales:
    """Build rounds with the same rate for each subject; an echo takes half the CPU time."""
    rounds = [
        {subject: run(answers=rate, cpu_us=100 if "echo" in subject else 200) for subject in SUBJECTS} for rate in rates
    ]
    return Sales(origin=ORIGIN, connections=64, rounds=rounds)


def load(duplicates: float, *, attempts: int) -> Load:
    return Load(
        origin=ORIGIN,
        duplicates=duplicates,
        seats=1_000,
        attempts=attempts,
        refused=attempts - 1_000,
        repeated=0,
        seconds=2,
        read_model_seconds=0.5,
        write_model_seconds=3,
        cpu_us=dict.fromkeys(["gateway", "purchase", "redis", "relay", "rabbitmq"], 10.0)
        | dict.fromkeys(["terminal-read", "mysql", "terminal-write", "dynamodb", "crowd"], 20.0),
        memory={"purchase": Resident(mb=70, peak_mb=80)},
    )


def turn(cpu_us: float) -> Turn:
    return Turn(
        at_rest_ms=dict.fromkeys(CLIENTS, 2.0),
        singles=80,
        single_us=dict.fromkeys(CLIENTS, 1_000.0),
        readable_p50_ms=15,
        readable_p95_ms=20,
        batched=9_000,
        batched_us=dict.fromkeys(CLIENTS, cpu_us),
    )


def test_a_spread_is_the_median_with_minimum_and_maximum() -> None:
    assert Spread.of([3_000, 1_000, 2_500.4]).format(0) == "2,500 (1,000–3,000)"


def test_without_figures_the_page_says_so() -> None:
    assert page.render(Figures(machine=MACHINE)).count(page.NOTHING) == 5


def test_sales_are_shown_as_medians_and_compared_round_by_round() -> None:
    text = page.render(Figures(machine=MACHINE, sales=sales(2_000, 1_000, 8_000)))
    assert "| purchase | 1,000 (500–4,000) | 1.0 (1.0–1.0) | 2.0 (2.0–2.0) | 200 |  |  | 200 (200–200) |" in text
    assert "compared with a typed echo: 2.00 (2.00–2.00) × the CPU time" in text


def test_a_load_replaces_an_earlier_one_with_as_many_duplicates() -> None:
    figures = Figures(machine=MACHINE).with_load(load(1.1, attempts=2_100)).with_load(load(0.1, attempts=1_100))
    replaced = figures.with_load(load(1.1, attempts=2_101))
    assert [one.attempts for one in replaced.loads] == [1_100, 2_101]
    assert "| 1.1 | 2,101 | 1,050 | 1,000 | 1,101 | 0 | 0.50 | 3.00 |" in page.render(replaced)


def test_brokers_are_compared_round_by_round() -> None:
    rounds = [{"rabbitmq": turn(cpu_us), "kafka": turn(2 * cpu_us)} for cpu_us in (10, 20, 40)]
    text = page.render(Figures(machine=MACHINE, brokers=Brokers(origin=ORIGIN, rounds=rounds)))
    assert "| CPU per sale among 500, µs: relay | 20.0 (10.0–40.0) | 40.0 (20.0–80.0) | 2.00 (2.00–2.00) |" in text
    assert "80 sales alone" in text


def test_written_figures_are_read_again(tmp_path: Path) -> None:
    figures = Figures(machine=MACHINE, sales=sales(2_000)).with_load(load(0.1, attempts=1_100))
    page.write(figures, tmp_path)
    assert Figures.read(page.json_file(tmp_path)) == figures
    assert {path.name for path in tmp_path.iterdir()} == {
        "benchmarks.json",
        "benchmarks.md",
        "benchmarks-sales.svg",
        "benchmarks-load.svg",
    }


def test_a_picture_contains_no_script(tmp_path: Path) -> None:
    page.write(Figures(machine=MACHINE, sales=sales(2_000)), tmp_path)
    assert b"<script" not in (tmp_path / "benchmarks-sales.svg").read_bytes()
