"""Compares purchases with echoes: in every round wrk loads each of them, one after the other."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from tests.bench import echoes, processes, wrk
from tests.bench.figures import DIRECT, GATEWAY, RAW, TYPED, Origin, Run, Sales
from tests.stage.platforms import private
from tests.stage.platforms.on_sale import put_on_sale

VENUE = "Venue1"
CONNECTIONS = 64
WARM_UP_SECONDS = 2
WARM_UP = "WarmUp"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A server to measure, its URL, and the processes that work for its answers, by part."""

    name: str
    url: str
    parts: Mapping[str, int]


def measure(origin: Origin, rounds: int, seconds: int) -> Sales:
    """Measure each subject for `seconds` in every round. Raises LoadFailed."""
    with private.running() as platform, _subjects(platform) as subjects:
        events = [f"Round{number}" for number in range(rounds)]
        for event in (WARM_UP, *events):
            for subject in subjects:
                put_on_sale(platform, VENUE, _event_id(event, subject))
        # Sales stay in the outbox: the stores behind it would compete for the CPU.
        platform.stop("relay")
        for subject in subjects:
            _run(subject, WARM_UP, WARM_UP_SECONDS)
        measured = [{subject.name: _run(subject, event, seconds) for subject in subjects} for event in events]
    return Sales(origin=origin, connections=CONNECTIONS, rounds=measured)


@contextmanager
def _subjects(platform: private.PrivatePlatform) -> Iterator[list[Subject]]:
    with echoes.running("raw", platform.home) as raw, echoes.running("typed", platform.home) as typed:
        at = platform.process_ids()
        selling = {"server": at["purchase"], "Redis": at["redis"]}
        yield [
            Subject(name=RAW, url=raw.url, parts={"server": raw.process_id}),
            Subject(name=TYPED, url=typed.url, parts={"server": typed.process_id}),
            Subject(name=DIRECT, url=platform.url_of("purchase"), parts=selling),
            Subject(name=GATEWAY, url=platform.url, parts={**selling, "gateway": at["gateway"]}),
        ]


def _event_id(event: str, subject: Subject) -> str:
    """Return the id of this subject's own event, whose seats no other subject buys."""
    return f"{event}-{subject.name.replace(',', '').replace(' ', '-')}"


def _run(subject: Subject, event: str, seconds: int) -> Run:
    before = processes.cpu_seconds(subject.parts)
    result = wrk.buy(subject.url, _event_id(event, subject), seconds=seconds, connections=CONNECTIONS)
    after = processes.cpu_seconds(subject.parts)
    return Run(
        answers=result.answers,
        seconds=result.seconds,
        p50_ms=result.p50_ms,
        p99_ms=result.p99_ms,
        cpu_us={part: (after[part] - before[part]) / result.answers * 1e6 for part in subject.parts},
    )
