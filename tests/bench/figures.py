"""What was measured, as docs/benchmarks.json keeps it and docs/benchmarks.md tells it."""

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
"""Who is asked in each round."""

PARTS = ("server", "Redis", "gateway")
"""Whose CPU time an answer takes; the server is the echo, or purchase."""


RELAY = "relay"
CLIENTS = (RELAY, "terminal-write", "terminal-read")
"""The broker's."""

Met = TypeVar("Met")


class Origin(Struct, frozen=True, kw_only=True):
    """The command that measured, and when."""

    command: str
    on: date


class Machine(Struct, frozen=True, kw_only=True):
    """Where it was measured, and what ran there."""

    processor: str
    cores: int
    memory_gb: float
    kernel: str
    versions: dict[str, str]


class Run(Struct, frozen=True, kw_only=True):
    """What one load of wrk met; `cpu_us` is each part's CPU time for one answer."""

    answers: int
    seconds: float
    p50_ms: float
    p99_ms: float
    cpu_us: dict[str, float]

    @property
    def per_second(self) -> float:
        return self.answers / self.seconds

    @property
    def cpu_us_in_all(self) -> float:
        return sum(self.cpu_us.values())


class Spread(Struct, frozen=True):
    """The median of some rounds, and how far they lie apart."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        known = list(values)
        return cls(statistics.median(known), min(known), max(known))

    def tell(self, digits: int) -> str:
        """As the page shows it."""
        return f"{self.median:,.{digits}f} ({self.least:,.{digits}f}–{self.most:,.{digits}f})"


class SideBySide(Struct, Generic[Met], frozen=True, kw_only=True):
    """What was met with each subject, in rounds that had a turn for each."""

    origin: Origin
    rounds: list[dict[str, Met]]

    def spread(self, subject: str, figure: Callable[[Met], float]) -> Spread:
        """A figure over all rounds."""
        return Spread.of(figure(one[subject]) for one in self.rounds)

    def compare(self, subject: str, other: str, figure: Callable[[Met], float]) -> Spread:
        """How many times the other's a figure is, each round for itself: what slows a round slows both."""
        return Spread.of(figure(one[subject]) / figure(one[other]) for one in self.rounds)


class Sales(SideBySide[Run], frozen=True, kw_only=True):
    """Purchases beside the echoes."""

    connections: int

    def cpu_us(self, subject: str, part: str) -> float:
        """The median of a part's CPU time for one answer; 0 if it does not work for it."""
        return self.spread(subject, lambda run: run.cpu_us.get(part, 0)).median


class Resident(Struct, frozen=True, kw_only=True):
    """Memory of a part's processes, now and at most."""

    mb: float
    peak_mb: float


class Load(Struct, frozen=True, kw_only=True):
    """A crowd that bought every seat, and how far behind the models were; `cpu_us` is CPU time for one sold seat."""

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
    """An event sold out while the relay rested: what a seat takes of Redis, and when the models had caught up.

    `keyed` is another event, each seat of which has a customer and an Idempotency-Key.
    """

    origin: Origin
    seats: int
    bytes_per_seat: float
    read_model_seconds: float
    write_model_seconds: float
    seats_keyed: int
    bytes_per_seat_keyed: float


class Turn(Struct, frozen=True, kw_only=True):
    """One broker's turn: its clients at rest, sales that came alone, and sales that the relay found waiting.

    `at_rest_ms` is CPU time a second; `single_us` and `batched_us` what a sale takes beyond that.
    `readable_p50_ms` and `readable_p95_ms` are the time from a 201 until that sale could be queried.
    """

    at_rest_ms: dict[str, float]
    singles: int
    single_us: dict[str, float]
    readable_p50_ms: float
    readable_p95_ms: float
    batched: int
    batched_us: dict[str, float]


class Brokers(SideBySide[Turn], frozen=True, kw_only=True):
    """The platform on one broker beside the platform on the other."""


class Figures(Struct, frozen=True, kw_only=True):
    """All that has been measured so far: loads from the fewest duplicates to the most."""

    machine: Machine
    sales: Sales | None = None
    loads: list[Load] = []
    sell_out: SellOut | None = None
    brokers: Brokers | None = None

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Those of earlier commands, if there are any."""
        return msgspec.json.decode(path.read_bytes(), type=cls) if path.exists() else None

    def write(self, path: Path) -> None:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")

    def with_load(self, load: Load) -> Self:
        """This load instead of an earlier one with as many duplicates."""
        others = [other for other in self.loads if other.duplicates != load.duplicates]
        return replace(self, loads=sorted([*others, load], key=lambda one: one.duplicates))
