"""The figures, stored in docs/benchmarks.json and shown in docs/benchmarks.md."""

import statistics
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Generic, Self, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

RAW, TYPED, DIRECT, GATEWAY = "raw echo", "typed echo", "purchase", "purchase, through the gateway"
SUBJECTS = (RAW, TYPED, DIRECT, GATEWAY)
"""The subjects measured in each round."""

PARTS = ("server", "Redis", "gateway")
"""The processes that use CPU time for an answer; the server is the echo or purchase."""


RELAY = "relay"
CLIENTS = (RELAY, "terminal-write", "terminal-read")
"""The broker's clients."""

Measured = TypeVar("Measured")


class Origin(Struct, frozen=True, kw_only=True):
    """The command that measured, and the day."""

    command: str
    on: date


class Machine(Struct, frozen=True, kw_only=True):
    """The machine of the measurement, and the versions of its programs."""

    processor: str
    cores: int
    memory_gb: float
    kernel: str
    versions: dict[str, str]


class Run(Struct, frozen=True, kw_only=True):
    """The result of one run of wrk; `cpu_us` is each part's CPU time for one answer."""

    answers: int
    seconds: float
    p50_ms: float
    p99_ms: float
    cpu_us: dict[str, float]

    @property
    def per_second(self) -> float:
        return self.answers / self.seconds

    @property
    def total_cpu_us(self) -> float:
        return sum(self.cpu_us.values())


class Spread(Struct, frozen=True):
    """The median, minimum and maximum of some rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        known = list(values)
        return cls(statistics.median(known), min(known), max(known))

    def format(self, digits: int) -> str:
        """Format it as on the page."""
        return f"{self.median:,.{digits}f} ({self.least:,.{digits}f}–{self.most:,.{digits}f})"


class SideBySide(Struct, Generic[Measured], frozen=True, kw_only=True):
    """Measurements of several subjects, each of them once in every round."""

    origin: Origin
    rounds: list[dict[str, Measured]]

    def spread(self, subject: str, figure: Callable[[Measured], float]) -> Spread:
        """Summarise a figure over all rounds."""
        return Spread.of(figure(one[subject]) for one in self.rounds)

    def compare(self, subject: str, other: str, figure: Callable[[Measured], float]) -> Spread:
        """Summarise the ratio of a figure to the other subject's, taken within each round.

        A disturbance that slows a round slows both.
        """
        return Spread.of(figure(one[subject]) / figure(one[other]) for one in self.rounds)


class Sales(SideBySide[Run], frozen=True, kw_only=True):
    """Purchases compared with echoes."""

    connections: int

    def cpu_us(self, subject: str, part: str) -> float:
        """Return the median of a part's CPU time for one answer; 0 if it is not involved."""
        return self.spread(subject, lambda run: run.cpu_us.get(part, 0)).median


class Resident(Struct, frozen=True, kw_only=True):
    """The memory of a part's processes, current and peak."""

    mb: float
    peak_mb: float


class Load(Struct, frozen=True, kw_only=True):
    """A crowd that bought every seat, and how far behind the models were.

    `repeated` counts retries; `cpu_us` is the CPU time for one sold seat.
    """

    origin: Origin
    duplicates: float
    seats: int
    attempts: int
    refused: int
    repeated: int
    seconds: float
    read_model_seconds: float
    write_model_seconds: float
    cpu_us: dict[str, float]
    memory: dict[str, Resident]


class SellOut(Struct, frozen=True, kw_only=True):
    """An event sold out while the relay was stopped: Redis's memory per seat, and catch-up times.

    The figures with `keyed` are those of another event, each of whose seats has a customer and an
    Idempotency-Key.
    """

    origin: Origin
    seats: int
    bytes_per_seat: float
    read_model_seconds: float
    write_model_seconds: float
    seats_keyed: int
    bytes_per_seat_keyed: float


class Turn(Struct, frozen=True, kw_only=True):
    """One broker's turn: its clients at rest, single sales, and sales from a backlog.

    `at_rest_ms` is the CPU time per second; `single_us` and `batched_us` are the CPU time per sale
    above that. `readable_p50_ms` and `readable_p95_ms` are the time from a 201 until the sale could
    be queried.
    """

    at_rest_ms: dict[str, float]
    singles: int
    single_us: dict[str, float]
    readable_p50_ms: float
    readable_p95_ms: float
    batched: int
    batched_us: dict[str, float]


class Brokers(SideBySide[Turn], frozen=True, kw_only=True):
    """The platform on one broker compared with the platform on the other."""


class Figures(Struct, frozen=True, kw_only=True):
    """All measurements so far; loads are sorted by duplicates."""

    machine: Machine
    sales: Sales | None = None
    loads: list[Load] = []
    sell_out: SellOut | None = None
    brokers: Brokers | None = None

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read the figures of earlier commands, if there are any."""
        return msgspec.json.decode(path.read_bytes(), type=cls) if path.exists() else None

    def write(self, path: Path) -> None:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")

    def with_load(self, load: Load) -> Self:
        """Replace the load with the same number of duplicates."""
        others = [other for other in self.loads if other.duplicates != load.duplicates]
        return replace(self, loads=sorted([*others, load], key=lambda one: one.duplicates))
