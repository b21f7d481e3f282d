"""Measure, store the figures and write docs/benchmarks.md from them: `./taskw bench`."""

import argparse
import shlex
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from infra_local import debian
from infra_local.demo.verdict import Stalled
from infra_local.running import ProgramFailed
from msgspec.structs import replace
from rich.console import Console

from tests.bench import brokers, load, machine, page, sales, sellout, wrk
from tests.bench.figures import Figures, Origin

MEASUREMENTS = ("sales", "load", "sellout", "brokers")
SEATS = 78_000
DUPLICATES = (0.1, 0.3, 0.5, 0.7, 0.9, 1.1)
ROUNDS = 7
ROUND_SECONDS = 5
DOCS = Path("docs")

console = Console(highlight=False, soft_wrap=True)


def main(arguments: Sequence[str]) -> int:
    """Measure, and return the exit status: 1 if the platform gave a wrong result."""
    command = _parser().parse_args(arguments)
    typed = shlex.join(["./taskw", "bench", *(["--", *arguments] if arguments else [])])
    try:
        debian.install_missing_servers()
        debian.install_missing(wrk.PACKAGES)
        for figures in measure(command, Origin(command=typed, on=datetime.now(UTC).date())):
            page.write(figures, command.into)
    except (debian.ServersMissing, ProgramFailed, Stalled, load.Disagreement, wrk.LoadFailed) as obstacle:
        console.print(str(obstacle), style="red", markup=False)
        return 1
    return 0


def measure(command: argparse.Namespace, origin: Origin) -> Iterator[Figures]:
    """Yield all figures, including those of earlier commands, after each measurement."""
    known = Figures.read(page.json_file(command.into))
    if known and not command.only:
        yield known
        return
    figures = replace(known or Figures(machine=machine.describe()), machine=machine.describe())
    if "sales" in command.only:
        yield (figures := replace(figures, sales=sales.measure(origin, command.rounds, command.seconds)))
    if "load" in command.only:
        for duplicates in command.duplicates:
            yield (figures := figures.with_load(load.measure(origin, command.seats, duplicates)))
    if "sellout" in command.only:
        yield (figures := replace(figures, sell_out=sellout.measure(origin)))
    if "brokers" in command.only:
        yield replace(figures, brokers=brokers.measure(origin))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument(
        "--only",
        nargs="*",
        choices=MEASUREMENTS,
        default=MEASUREMENTS,
        help="measure only these; none: only rewrite the page (all)",
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"sales: interleaved rounds ({ROUNDS})")
    parser.add_argument(
        "--seconds", type=int, default=ROUND_SECONDS, help=f"sales: duration of each run ({ROUND_SECONDS})"
    )
    parser.add_argument("--seats", type=int, default=SEATS, help=f"load: number of seats ({SEATS})")
    parser.add_argument("--duplicates", nargs="+", type=float, default=DUPLICATES, help="load: ratios (all six)")
    parser.add_argument("--into", type=Path, default=DOCS, help="write into this folder instead of docs")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
