"""Writes docs/benchmarks.md and its pictures from the figures and the prose of ./benchmarks.md."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from string import Template

from tests.bench import plot
from tests.bench.figures import (
    CLIENTS,
    DIRECT,
    GATEWAY,
    PARTS,
    SUBJECTS,
    TYPED,
    Brokers,
    Figures,
    Load,
    Machine,
    Origin,
    Run,
    Sales,
    SellOut,
    Spread,
    Turn,
)

PROSE = Path(__file__).with_name("benchmarks.md")
NOTHING = "Not measured yet."


def json_file(folder: Path) -> Path:
    """Return the file of the figures."""
    return folder / "benchmarks.json"


def write(figures: Figures, folder: Path) -> None:
    """Write the figures, the page and its pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    figures.write(json_file(folder))
    (folder / "benchmarks.md").write_text(render(figures))
    if figures.sales:
        (folder / "benchmarks-sales.svg").write_bytes(plot.of_sales(figures.sales))
    if figures.loads:
        (folder / "benchmarks-load.svg").write_bytes(plot.of_loads(figures.loads))


def render(figures: Figures) -> str:
    """Render the page."""
    loads = figures.loads
    return Template(PROSE.read_text()).substitute(
        machine=_machine(figures.machine),
        sales=_sales(figures.sales) if figures.sales else NOTHING,
        loads=_loads(loads) if loads else NOTHING,
        parts=_parts(loads[0], loads[-1]) if loads else NOTHING,
        sell_out=_sell_out(figures.sell_out) if figures.sell_out else NOTHING,
        brokers=_brokers(figures.brokers) if figures.brokers else NOTHING,
    )


def _machine(machine: Machine) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    return f"""{machine.cores} cores ({machine.processor}), {machine.memory_gb} GB, Linux {machine.kernel}.
{versions}."""


def _sales(sales: Sales) -> str:
    def per_second(run: Run) -> float:
        return run.per_second

    def cpu_us(run: Run) -> float:
        return run.total_cpu_us

    rows = [
        [
            subject,
            sales.spread(subject, per_second).format(0),
            sales.spread(subject, lambda run: run.p50_ms).format(1),
            sales.spread(subject, lambda run: run.p99_ms).format(1),
            *(f"{cpu:,.0f}" if (cpu := sales.cpu_us(subject, part)) else "" for part in PARTS),
            sales.spread(subject, cpu_us).format(0),
        ]
        for subject in SUBJECTS
    ]
    head = ["subject", "answers/s", "p50, ms", "p99, ms", *(f"{part}, µs" for part in PARTS), "total CPU, µs"]
    seconds = round(sales.rounds[0][DIRECT].seconds)
    return f"""{table(head, rows)}

{len(sales.rounds)} rounds of {seconds} s each, {sales.connections} connections. {_origins([sales.origin])}

- Purchase, compared with a typed echo: {sales.compare(DIRECT, TYPED, cpu_us).format(2)} × the CPU time, Redis
  included, and {sales.compare(DIRECT, TYPED, per_second).format(2)} × the answers/s.
- Purchase through the gateway, compared with purchase alone: {sales.compare(GATEWAY, DIRECT, cpu_us).format(2)} × the
  CPU time and {sales.compare(GATEWAY, DIRECT, per_second).format(2)} × the answers/s."""


def _loads(loads: Sequence[Load]) -> str:
    rows = [
        [
            f"{load.duplicates}",
            f"{load.attempts:,}",
            f"{load.attempts / load.seconds:,.0f}",
            f"{load.seats:,}",
            f"{load.refused:,}",
            f"{load.repeated:,}",
            f"{load.read_model_seconds:.2f}",
            f"{load.write_model_seconds:.2f}",
        ]
        for load in loads
    ]
    head = ["duplicates", "attempts", "attempts/s", "sold", "refused", "retries"]
    behind = ["MySQL behind, s", "DynamoDB (stand-in) behind, s"]
    return f"{table([*head, *behind], rows)}\n\n{_origins(load.origin for load in loads)}"


def _parts(fewest: Load, most: Load) -> str:
    """Show the loads with the fewest and the most duplicates, and the memory after the latter."""
    rows = [
        [
            part,
            f"{fewest.cpu_us[part]:,.0f}",
            f"{most.cpu_us[part]:,.0f}",
            *(
                [f"{most.memory[part].mb:,.0f}", f"{most.memory[part].peak_mb:,.0f}"]
                if part in most.memory
                else ["", ""]
            ),
        ]
        for part in most.cpu_us
        if part in fewest.cpu_us  # a part may have been added to the platform in between
    ]
    head = ["part", *(f"CPU per sold seat, µs, {load.duplicates} ×" for load in (fewest, most))]
    return table([*head, f"RSS after {most.duplicates} ×, MB", "peak RSS, MB"], rows)


def _sell_out(one: SellOut) -> str:
    rows = [
        _caught_up("MySQL", one.seats, one.read_model_seconds),
        _caught_up("DynamoDB (stand-in)", one.seats, one.write_model_seconds),
    ]
    return f"""{table(["model", "contained all seats after, s", "seats/s"], rows)}

| a sold seat | bytes in Redis |
| --- | ---: |
| without customer and `Idempotency-Key` | {one.bytes_per_seat:.1f} |
| with its own customer and `Idempotency-Key` | {one.bytes_per_seat_keyed:.1f} |

{one.seats:,} seats were sold, {one.seats_keyed:,} with customer and key. {_origins([one.origin])}"""


def _caught_up(model: str, seats: int, seconds: float) -> list[str]:
    return [model, f"{seconds:.1f}", f"{seats / seconds:,.0f}"]


def _brokers(brokers: Brokers) -> str:
    def row(name: str, digits: int, figure: Callable[[Turn], float]) -> list[str]:
        spreads = [brokers.spread(broker, figure).format(digits) for broker in ("rabbitmq", "kafka")]
        return [name, *spreads, brokers.compare("kafka", "rabbitmq", figure).format(2)]

    def of_clients(name: str, digits: int, figures: Callable[[Turn], Mapping[str, float]]) -> Iterator[list[str]]:
        def of(client: str) -> Callable[[Turn], float]:
            return lambda turn: figures(turn)[client]

        yield from (row(f"{name}: {client}", digits, of(client)) for client in CLIENTS)
        yield row(f"{name}: all three", digits, lambda turn: sum(figures(turn).values()))

    rows = [
        *of_clients("CPU per sale alone, µs", 0, lambda turn: turn.single_us),
        *of_clients("CPU per sale among 500, µs", 1, lambda turn: turn.batched_us),
        *of_clients("CPU at rest, ms per second", 1, lambda turn: turn.at_rest_ms),
        row("from 201 to readable, ms: median", 1, lambda turn: turn.readable_p50_ms),
        row("from 201 to readable, ms: 95th percentile", 1, lambda turn: turn.readable_p95_ms),
    ]
    turns = [turn for one in brokers.rounds for turn in one.values()]
    batched = Spread.of(turn.batched for turn in turns).format(0)
    return f"""{table(["", "RabbitMQ", "Kafka (stand-in)", "Kafka / RabbitMQ"], rows)}

{len(brokers.rounds)} rounds. Each turn had {turns[0].singles} sales alone for the relay, as many for the terminals,
and a backlog of {batched}. {_origins([brokers.origin])}"""


def _origins(origins: Iterable[Origin]) -> str:
    """List the commands that measured, each once."""
    return "\\\n".join(dict.fromkeys(f"Measured by `{origin.command}` on {origin.on}." for origin in origins))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Render a table in Markdown: the first column names the row, the others are figures."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
