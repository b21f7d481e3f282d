"""Admins and buyers at one venue, interleaved step by step, some killed: all agree in the end."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from contracts.catalogue import Zone
from contracts.ticket import TicketPurchased
from hypothesis import example, given, strategies as st
from msgspec import Struct
from purchase.box_office import PurchaseTicket
from purchase.refusals import SeatsInUse, VenueMismatch
from purchase.seats.labels import parse_seat
from purchase.store.connection import OutcomeUnknown, Unavailable, connect
from redis import Redis

from tests.stage.builders import event, venue, zone
from tests.stage.explorations import exploration
from tests.stage.interleaving import Interleaving, Killed, Process
from tests.stage.processes.purchase import prepare
from tests.stage.redis_state import RedisState
from tests.stage.stores import isolation

VENUES = ("Arena", "Barn")
SHAPES = (
    (zone(zone_id=1), zone(zone_id=2)),
    (zone(zone_id=1, row_count=1, price_cents=9_900),),
    (zone(zone_id=1, col_count=4), zone(zone_id=3)),
)
EXPECTED = (SeatsInUse, VenueMismatch, Unavailable, OutcomeUnknown, Killed)
"""The errors that a call may end with."""


class Actor(Struct, frozen=True, kw_only=True):
    """One call by a process of its own, which dies after `dies_after` commands, if given."""

    does: str
    venue_id: str = "Arena"
    event_id: str = "Gala"
    shape: int = 0
    dies_after: int | None = None

    async def act(self, process: Process) -> Any:
        match self.does:
            case "define":
                return await process.definitions.define_venue(venue(venue_id=self.venue_id, zones=SHAPES[self.shape]))
            case "schedule":
                return await process.definitions.schedule(event(event_id=self.event_id, venue_id=self.venue_id))
            case "finish":
                return await process.definitions.finish_pending(self.venue_id)
            case "buy":
                await process.box_office.purchase(self._order, None)
                return None
        raise AssertionError(self.does)

    @property
    def _order(self) -> PurchaseTicket:
        """The order for a seat that only the first shape has."""
        return PurchaseTicket(venue_id=self.venue_id, event_id=self.event_id, zone_id=2, row="2", column="c")


DEATHS = st.none() | st.integers(0, 30)
DEFINE = st.builds(Actor, does=st.just("define"), shape=st.integers(0, 2), dies_after=DEATHS)
SCHEDULE = st.builds(
    Actor,
    does=st.just("schedule"),
    venue_id=st.sampled_from(VENUES),
    event_id=st.sampled_from(["Gala", "Circus", "Opera"]),
    dies_after=DEATHS,
)
DEFINE_BARN = st.builds(Actor, does=st.just("define"), venue_id=st.just("Barn"), shape=st.integers(0, 2))
BUY = st.builds(Actor, does=st.just("buy"), event_id=st.sampled_from(["Gala", "Circus"]))
FINISH = st.builds(Actor, does=st.just("finish"), venue_id=st.sampled_from(VENUES))
ACTORS = st.lists(st.one_of(DEFINE, SCHEDULE, DEFINE_BARN, BUY, FINISH), min_size=2, max_size=4)
TURNS = st.lists(st.integers(0, 3), max_size=120)


@pytest.fixture(scope="module")
def redis_url(redis_server: str) -> Iterator[str]:
    """Prepare a Redis for this file alone."""
    with isolation.empty_redis(redis_server) as url:
        prepare(url)
        yield url


@pytest.fixture(scope="module")
def redis_state(redis_url: str) -> Iterator[RedisState]:
    """Yield the state of that Redis."""
    with Redis.from_url(redis_url) as redis:
        yield RedisState(redis)


@pytest.fixture(scope="module")
def begin(redis_url: str, redis_state: RedisState) -> Callable[[], None]:
    """Return a function that resets Redis to two venues of the first shape, one with an event."""
    for venue_id in VENUES:
        play(redis_url, [Actor(does="define", venue_id=venue_id)], [])
    play(redis_url, [Actor(does="schedule")], [])
    initial = redis_state.everything()

    def restore() -> None:
        redis_state.restore(initial)

    return restore


def play(redis_url: str, actors: Sequence[Actor], turns: Sequence[int]) -> list[Any]:
    """Interleave the calls by these turns; return the result or the error of each."""

    async def run() -> list[Any]:
        client = connect(redis_url)
        interleaving = Interleaving()
        processes = [Process(client, interleaving=interleaving, commands_max=actor.dies_after) for actor in actors]
        try:
            calls = [(process, actor.act(process)) for process, actor in zip(processes, actors, strict=True)]
            return await interleaving.run(calls, iter(turns))
        finally:
            await client.aclose()

    return asyncio.run(run())


def assert_agreed(redis_state: RedisState) -> None:
    """Assert that each event agrees with its venue, and has each seat that was sold."""
    events = {event.event_id: event for event in redis_state.events()}
    for venue_id in VENUES:
        redis_state.assert_agreement(venue_id, *(name for name, event in events.items() if event.venue_id == venue_id))
    for message in redis_state.messages():
        if isinstance(message, TicketPurchased):
            sale = message.data
            zones = {zone.zone_id: zone for zone in events[sale.event_id].zones}
            seat = parse_seat(sale.zone_id, sale.row, sale.column)
            assert seat.row <= zones[sale.zone_id].row_count
            assert seat.column <= zones[sale.zone_id].col_count


def possible_zones(actors: Sequence[Actor], endings: Sequence[Any], venue_id: str) -> list[tuple[Zone, ...]]:
    """Return the zones that a venue may have: its first ones, or those of a call not refused."""
    defined = [
        SHAPES[actor.shape]
        for actor, ending in zip(actors, endings, strict=True)
        if actor.does == "define" and actor.venue_id == venue_id and not isinstance(ending, SeatsInUse)
    ]
    return [SHAPES[0], *defined]


def check(redis_url: str, redis_state: RedisState, actors: Sequence[Actor], turns: Sequence[int]) -> None:
    """Play, finish pending changes in new processes, and assert that venues and events agree."""
    endings = play(redis_url, actors, turns)
    for ending in endings:
        if isinstance(ending, BaseException) and not isinstance(ending, EXPECTED):
            raise ending
        if isinstance(ending, SeatsInUse):
            assert ending.facts["seats"]
    for venue_id in VENUES:
        play(redis_url, [Actor(does="finish", venue_id=venue_id)], [])
    assert_agreed(redis_state)
    for venue_id in VENUES:
        assert redis_state.venue(venue_id).zones in possible_zones(actors, endings, venue_id)


@exploration(40)
@given(actors=ACTORS, turns=TURNS)
@example(
    actors=[
        Actor(does="define", shape=1),
        Actor(does="schedule", event_id="Circus"),
        Actor(does="schedule", event_id="Circus", venue_id="Barn"),
    ],
    turns=[],
)
def test_venues_and_events_agree_after_any_interleaving(
    redis_url: str, redis_state: RedisState, begin: Callable[[], None], actors: list[Actor], turns: list[int]
) -> None:
    begin()
    check(redis_url, redis_state, actors, turns)
