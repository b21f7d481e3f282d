"""Changes of the catalogue that are interrupted, or meet one another, at any step: all events agree in the end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from itertools import count
from typing import Any

import pytest
from purchase.box_office import Purchase, PurchaseTicket
from purchase.refusals import SeatsInUse
from purchase.store import keys
from purchase.store.connection import connect
from redis import Redis
from redis.asyncio import Redis as Client

from tests.stage.builders import event, venue, zone
from tests.stage.crashes import Barrier, Killed, Process
from tests.stage.http_client import unique
from tests.stage.processes.purchase import prepare
from tests.stage.redis_state import RedisState, partition_of
from tests.stage.stores import isolation

OLD = (zone(zone_id=1), zone(zone_id=2))
NEW = (zone(zone_id=1, row_count=1, col_count=4, price_cents=9_900), zone(zone_id=3))
OTHER = (zone(zone_id=1, row_count=3), zone(zone_id=2, price_cents=5_000))

COMMANDS_TO_BEGIN = 3
"""Reading the number of partitions and the epoch, and noting the change."""

COMMANDS_OF_A_CHANGE = 12

Repair = Callable[["Arena", Process], Awaitable[Any]]


@pytest.fixture(scope="module")
def redis_url(redis_server: str) -> Iterator[str]:
    """A Redis that is prepared once; each change has a venue of its own in it."""
    with isolation.empty_redis(redis_server) as url:
        prepare(url)
        yield url


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Client]:
    """The connections that all processes of a test share."""
    client = connect(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def redis_state(redis_url: str) -> Iterator[RedisState]:
    with Redis.from_url(redis_url) as redis:
        yield RedisState(redis)


class Arena:
    """A venue of its own, which is to be changed, with two events in the order in which changes reach them."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.venue = venue(venue_id=unique("venue"), zones=OLD)
        self.change = venue(venue_id=self.venue.venue_id, zones=NEW, name="Renamed")
        self.event_ids = sorted(unique("event") for _ in range(2))

    async def open(self) -> None:
        """Define it all."""
        process = Process(self.client)
        await process.definitions.define_venue(self.venue)
        for event_id in self.event_ids:
            await process.definitions.schedule(event(event_id=event_id, venue_id=self.venue.venue_id))

    async def buy(self, event_id: str, zone_id: int, row: int, column: str) -> Purchase:
        """One seat, which must be free."""
        order = PurchaseTicket(
            venue_id=self.venue.venue_id, event_id=event_id, zone_id=zone_id, row=str(row), column=column
        )
        bought = await Process(self.client).box_office.purchase(order, None)
        assert isinstance(bought, Purchase), bought
        return bought

    async def was_interrupted(self, commands: int) -> bool:
        """Begin the change in a process that dies after so many commands; whether it did not come to an end."""
        try:
            await Process(self.client, commands_max=commands).definitions.define_venue(self.change)
        except Killed:
            return True
        except SeatsInUse:
            return False
        return False


async def repeat(arena: Arena, process: Process) -> None:
    """The admin asks again."""
    await process.definitions.define_venue(arena.change)


async def start(_: Arena, process: Process) -> None:
    """A process starts, and looks for what others left behind."""
    await process.definitions.finish_all_pending()


async def schedule(arena: Arena, process: Process) -> None:
    """An event of the venue is defined again."""
    await process.definitions.schedule(event(event_id=arena.event_ids[0], venue_id=arena.venue.venue_id))


async def change_otherwise(arena: Arena, process: Process) -> None:
    """An admin asks for yet another shape."""
    await process.definitions.define_venue(venue(venue_id=arena.venue.venue_id, zones=OTHER))


@pytest.mark.parametrize("repair", [repeat, start, schedule, change_otherwise])
async def test_a_change_interrupted_at_any_step_is_finished(
    client: Client, redis_state: RedisState, repair: Repair
) -> None:
    arena = Arena(client)
    await arena.open()
    for commands in count():
        if not await arena.was_interrupted(commands):
            break

        await repair(arena, Process(client))

        redis_state.assert_settled(arena.venue.venue_id, *arena.event_ids)
        zones = redis_state.venue(arena.venue.venue_id).zones
        if repair is change_otherwise:
            assert zones == OTHER
        elif repair is repeat or commands >= COMMANDS_TO_BEGIN:
            assert zones == arena.change.zones
        await Process(client).definitions.define_venue(arena.venue)
    assert commands > COMMANDS_OF_A_CHANGE


@pytest.mark.parametrize("repair", [repeat, start, schedule])
async def test_a_refused_change_interrupted_at_any_step_is_opened_again(
    client: Client, redis_state: RedisState, repair: Repair
) -> None:
    arena = Arena(client)
    await arena.open()
    await arena.buy(arena.event_ids[-1], 2, 1, "a")
    for commands in count():
        before = redis_state.positions()
        if not await arena.was_interrupted(commands):
            break

        with suppress(SeatsInUse):
            await repair(arena, Process(client))

        if repair is not schedule:
            assert redis_state.positions() == before
        redis_state.assert_settled(arena.venue.venue_id, *arena.event_ids)
        assert redis_state.venue(arena.venue.venue_id).zones == OLD
        bought = await arena.buy(arena.event_ids[0], 2, 2, "c")
        await Process(client).box_office.cancel(bought.ticket.ticket_id)
    assert commands > COMMANDS_OF_A_CHANGE


async def test_refused_changes_leave_no_more_than_a_hundred_notes(client: Client, redis_state: RedisState) -> None:
    arena = Arena(client)
    await arena.open()
    await arena.buy(arena.event_ids[0], 2, 1, "a")
    process = Process(client)

    for _ in range(105):
        with pytest.raises(SeatsInUse):
            await repeat(arena, process)

    kept = redis_state.redis.hkeys(keys.venue(partition_of(arena.venue.venue_id), arena.venue.venue_id))
    assert sum(name.startswith(b"refused:") for name in kept) == 100


async def test_who_is_held_up_in_a_change_that_others_have_finished_since_does_no_harm(
    client: Client, redis_state: RedisState
) -> None:
    for commands in count():
        arena, barrier = Arena(client), Barrier(commands)
        await arena.open()
        held_up = asyncio.create_task(Process(client, interleaving=barrier).definitions.define_venue(arena.change))
        if not await barrier.holds(held_up):
            break

        latecomer = event(event_id=unique("event"), venue_id=arena.venue.venue_id)
        await change_otherwise(arena, Process(client))
        await Process(client).definitions.schedule(latecomer)
        barrier.open()
        await held_up

        redis_state.assert_settled(arena.venue.venue_id, *arena.event_ids, latecomer.event_id)
        zones = redis_state.venue(arena.venue.venue_id).zones
        assert zones == (OTHER if commands >= COMMANDS_TO_BEGIN else NEW)
    assert commands > COMMANDS_OF_A_CHANGE


async def test_who_is_held_up_in_a_change_that_others_have_refused_since_does_no_harm(
    client: Client, redis_state: RedisState
) -> None:
    for commands in count():
        arena, barrier = Arena(client), Barrier(commands)
        await arena.open()
        in_use = await arena.buy(arena.event_ids[-1], 2, 1, "a")
        held_up = asyncio.create_task(Process(client, interleaving=barrier).definitions.define_venue(arena.change))
        if not await barrier.holds(held_up):
            break

        latecomer = event(event_id=unique("event"), venue_id=arena.venue.venue_id)
        await start(arena, Process(client))
        await Process(client).definitions.schedule(latecomer)
        barrier.open()
        with pytest.raises(SeatsInUse) as refused:
            await held_up

        assert [seat["eventId"] for seat in refused.value.facts["seats"]] == [in_use.ticket.event_id]
        redis_state.assert_settled(arena.venue.venue_id, *arena.event_ids, latecomer.event_id)
        assert redis_state.venue(arena.venue.venue_id).zones == OLD
    assert commands > COMMANDS_OF_A_CHANGE


async def test_an_event_held_up_while_its_venue_changes_never_ends_with_old_zones(
    client: Client, redis_state: RedisState
) -> None:
    for commands in count():
        arena, barrier = Arena(client), Barrier(commands)
        await arena.open()
        latecomer = event(event_id=unique("event"), venue_id=arena.venue.venue_id)
        held_up = asyncio.create_task(Process(client, interleaving=barrier).definitions.schedule(latecomer))
        if not await barrier.holds(held_up):
            break

        await repeat(arena, Process(client))
        barrier.open()
        await held_up

        redis_state.assert_settled(arena.venue.venue_id, *arena.event_ids, latecomer.event_id)
    assert commands > COMMANDS_TO_BEGIN


async def test_an_event_that_registered_in_vain_follows_its_own_venue_only(
    client: Client, redis_state: RedisState
) -> None:
    for commands in count():
        arena, other = Arena(client), Arena(client)
        await arena.open()
        await other.open()
        name = unique("event")
        with suppress(Killed):
            elsewhere = event(event_id=name, venue_id=other.venue.venue_id)
            await Process(client, commands_max=commands).definitions.schedule(elsewhere)
            break
        await other.buy(other.event_ids[-1], 2, 1, "a")
        with pytest.raises(SeatsInUse):
            await repeat(other, Process(client))

        await Process(client).definitions.schedule(event(event_id=name, venue_id=arena.venue.venue_id))
        await change_otherwise(other, Process(client))
        redis_state.assert_settled(arena.venue.venue_id, name)
        await repeat(arena, Process(client))

        redis_state.assert_settled(arena.venue.venue_id, *arena.event_ids, name)
        redis_state.assert_settled(other.venue.venue_id, *other.event_ids)
        assert redis_state.event(name).zones == NEW
    assert commands > COMMANDS_TO_BEGIN
