"""Purchases beside the echoes: in every round wrk asks each of them, one after the other, as fast as it is answered."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from tests.bench import echoes, processes, wrk
from tests.bench.figures import DIRECT, GATEWAY, RAW, TYPED, Origin, Run, Sales
from tests.e2e import private
from tests.e2e.on_sale import put_on_sale

VENUE = "Venue1"
CONNECTIONS = 64
WARM_UP_SECONDS = 2
WARM_UP = "WarmUp"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Who is asked where, and the processes that work for an answer, by the names of their parts."""

    name: str
    url: str
    parts: Mapping[str, int]


def measure(origin: Origin, rounds: int, seconds: int) -> Sales:
    """So many rounds, and in each so long for each subject. Raises LoadFailed."""
    with private.running() as platform, _subjects(platform) as subjects:
        events = [f"Round{number}" for number in range(rounds)]
        for event in (WARM_UP, *events):
            for subject in subjects:
                put_on_sale(platform, VENUE, _event_id(event, subject))
        # Sales wait in the outbox: the stores behind it would want the cores that the echoes have to themselves.
        platform.stop("relay")
        for subject in subjects:
            _ask(subject, WARM_UP, WARM_UP_SECONDS)
        asked = [{subject.name: _ask(subject, event, seconds) for subject in subjects} for event in events]
    return Sales(origin=origin, connections=CONNECTIONS, rounds=asked)


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
    """Nobody else buys its seats."""
    return f"{event}-{subject.name.replace(',', '').replace(' ', '-')}"


def _ask(subject: Subject, event: str, seconds: int) -> Run:
    before = processes.cpu_seconds(subject.parts)
    told = wrk.buy(subject.url, _event_id(event, subject), seconds=seconds, connections=CONNECTIONS)
    after = processes.cpu_seconds(subject.parts)
    return Run(
        answers=told.answers,
        seconds=told.seconds,
        p50_ms=told.p50_ms,
        p99_ms=told.p99_ms,
        cpu_us={part: (after[part] - before[part]) / told.answers * 1e6 for part in subject.parts},
    )
