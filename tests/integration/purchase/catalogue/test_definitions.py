"""Changes of a venue, interrupted or concurrent at any step: in the end its events agree."""

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
from tests.stage.http_client import unique
from tests.stage.interleaving import Barrier, Killed, Process
from tests.stage.processes.purchase import prepare
from tests.stage.redis_state import RedisState, partition_of
from tests.stage.stores import isolation

OLD = (zone(zone_id=1), zone(zone_id=2))
NEW = (zone(zone_id=1, row_count=1, col_count=4, price_cents=9_900), zone(zone_id=3))
OTHER = (zone(zone_id=1, row_count=3), zone(zone_id=2, price_cents=5_000))

COMMANDS_TO_BEGIN = 3
"""Read the number of partitions, read the epoch, store the change as pending."""

COMMANDS_OF_A_CHANGE = 12

Repair = Callable[["Arena", Process], Awaitable[Any]]


@pytest.fixture(scope="module")
def redis_url(redis_server: str) -> Iterator[str]:
    """Prepare one Redis for all tests of this file; each change has its own venue."""
    with isolation.empty_redis(redis_server) as url:
        prepare(url)
        yield url


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Client]:
    """Yield the connections that all processes of a test share."""
    client = connect(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def redis_state(redis_url: str) -> Iterator[RedisState]:
    with Redis.from_url(redis_url) as redis:
        yield RedisState(redis)


class Arena:
    """A venue to be changed, with two events in the order in which the change reaches them."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.venue = venue(venue_id=unique("venue"), zones=OLD)
        self.change = venue(venue_id=self.venue.venue_id, zones=NEW, name="Renamed")
        self.event_ids = sorted(unique("event") for _ in range(2))

    async def open(self) -> None:
        """Define the venue and its events."""
        process = Process(self.client)
        await process.definitions.define_venue(self.venue)
        for event_id in self.event_ids:
            await process.definitions.schedule(event(event_id=event_id, venue_id=self.venue.venue_id))

    async def buy(self, event_id: str, zone_id: int, row: int, column: str) -> Purchase:
        """Buy one seat, which must be free."""
        order = PurchaseTicket(
            venue_id=self.venue.venue_id, event_id=event_id, zone_id=zone_id, row=str(row), column=column
        )
        bought = await Process(self.client).box_office.purchase(order, None)
        assert isinstance(bought, Purchase), bought
        return bought

    async def interrupt(self, commands: int) -> bool:
        """Change the venue in a process that dies after so many commands.

        Return whether it died before the change ended.
        """
        try:
            await Process(self.client, commands_max=commands).definitions.define_venue(self.change)
        except Killed:
            return True
        except SeatsInUse:
            return False
        return False


async def repeat(arena: Arena, process: Process) -> None:
    """Send the same change again."""
    await process.definitions.define_venue(arena.change)


async def start(_: Arena, process: Process) -> None:
    """Finish all pending changes, as a process does at its start."""
    await process.definitions.finish_all_pending()


async def schedule(arena: Arena, process: Process) -> None:
    """Define an event of the venue again."""
    await process.definitions.schedule(event(event_id=arena.event_ids[0], venue_id=arena.venue.venue_id))


async def change_again(arena: Arena, process: Process) -> None:
    """Change the venue to another shape."""
    await process.definitions.define_venue(venue(venue_id=arena.venue.venue_id, zones=OTHER))


@pytest.mark.parametrize("repair", [repeat, start, schedule, change_again])
async def test_a_change_interrupted_at_any_step_is_finished(
    client: Client, redis_state: RedisState, repair: Repair
) -> None:
    arena = Arena(client)
    await arena.open()
    for commands in count():
        if not await arena.interrupt(commands):
            break

        await repair(arena, Process(client))

        redis_state.assert_agreement(arena.venue.venue_id, *arena.event_ids)
        zones = redis_state.venue(arena.venue.venue_id).zones
        if repair is change_again:
            assert zones == OTHER
        elif repair is repeat or commands >= COMMANDS_TO_BEGIN:
            assert zones == arena.change.zones
        await Process(client).definitions.define_venue(arena.venue)
    assert commands > COMMANDS_OF_A_CHANGE


@pytest.mark.parametrize("repair", [repeat, start, schedule])
async def test_a_refused_change_interrupted_at_any_step_opens_its_seats_again(
    client: Client, redis_state: RedisState, repair: Repair
) -> None:
    arena = Arena(client)
    await arena.open()
    await arena.buy(arena.event_ids[-1], 2, 1, "a")
    for commands in count():
        before = redis_state.positions()
        if not await arena.interrupt(commands):
            break

        with suppress(SeatsInUse):
            await repair(arena, Process(client))

        if repair is not schedule:
            assert redis_state.positions() == before
        redis_state.assert_agreement(arena.venue.venue_id, *arena.event_ids)
        assert redis_state.venue(arena.venue.venue_id).zones == OLD
        bought = await arena.buy(arena.event_ids[0], 2, 2, "c")
        await Process(client).box_office.cancel(bought.ticket.ticket_id)
    assert commands > COMMANDS_OF_A_CHANGE


async def test_at_most_a_hundred_refused_changes_are_recorded(client: Client, redis_state: RedisState) -> None:
    arena = Arena(client)
    await arena.open()
    await arena.buy(arena.event_ids[0], 2, 1, "a")
    process = Process(client)

    for _ in range(105):
        with pytest.raises(SeatsInUse):
            await repeat(arena, process)

    fields = redis_state.redis.hkeys(keys.venue(partition_of(arena.venue.venue_id), arena.venue.venue_id))
    assert sum(name.startswith(b"refused:") for name in fields) == 100


async def test_a_process_that_resumes_a_change_which_others_finished_does_no_harm(
    client: Client, redis_state: RedisState
) -> None:
    for commands in count():
        arena, barrier = Arena(client), Barrier(commands)
        await arena.open()
        delayed = asyncio.create_task(Process(client, interleaving=barrier).definitions.define_venue(arena.change))
        if not await barrier.holds(delayed):
            break

        new_event = event(event_id=unique("event"), venue_id=arena.venue.venue_id)
        await change_again(arena, Process(client))
        await Process(client).definitions.schedule(new_event)
        barrier.open()
        await delayed

        redis_state.assert_agreement(arena.venue.venue_id, *arena.event_ids, new_event.event_id)
        zones = redis_state.venue(arena.venue.venue_id).zones
        assert zones == (OTHER if commands >= COMMANDS_TO_BEGIN else NEW)
    assert commands > COMMANDS_OF_A_CHANGE


async def test_a_process_that_resumes_a_change_which_others_refused_does_no_harm(
    client: Client, redis_state: RedisState
) -> None:
    for commands in count():
        arena, barrier = Arena(client), Barrier(commands)
        await arena.open()
        sold = await arena.buy(arena.event_ids[-1], 2, 1, "a")
        delayed = asyncio.create_task(Process(client, interleaving=barrier).definitions.define_venue(arena.change))
        if not await barrier.holds(delayed):
            break

        new_event = event(event_id=unique("event"), venue_id=arena.venue.venue_id)
        await start(arena, Process(client))
        await Process(client).definitions.schedule(new_event)
        barrier.open()
        with pytest.raises(SeatsInUse) as refused:
            await delayed

        assert [seat["eventId"] for seat in refused.value.facts["seats"]] == [sold.ticket.event_id]
        redis_state.assert_agreement(arena.venue.venue_id, *arena.event_ids, new_event.event_id)
        assert redis_state.venue(arena.venue.venue_id).zones == OLD
    assert commands > COMMANDS_OF_A_CHANGE


async def test_an_event_that_is_defined_during_a_change_of_its_venue_has_the_new_zones(
    client: Client, redis_state: RedisState
) -> None:
    for commands in count():
        arena, barrier = Arena(client), Barrier(commands)
        await arena.open()
        new_event = event(event_id=unique("event"), venue_id=arena.venue.venue_id)
        delayed = asyncio.create_task(Process(client, interleaving=barrier).definitions.schedule(new_event))
        if not await barrier.holds(delayed):
            break

        await repeat(arena, Process(client))
        barrier.open()
        await delayed

        redis_state.assert_agreement(arena.venue.venue_id, *arena.event_ids, new_event.event_id)
    assert commands > COMMANDS_TO_BEGIN


async def test_an_event_that_registered_at_another_venue_follows_only_its_own(
    client: Client, redis_state: RedisState
) -> None:
    for commands in count():
        arena, other = Arena(client), Arena(client)
        await arena.open()
        await other.open()
        name = unique("event")
        with suppress(Killed):
            at_other = event(event_id=name, venue_id=other.venue.venue_id)
            await Process(client, commands_max=commands).definitions.schedule(at_other)
            break
        await other.buy(other.event_ids[-1], 2, 1, "a")
        with pytest.raises(SeatsInUse):
            await repeat(other, Process(client))

        await Process(client).definitions.schedule(event(event_id=name, venue_id=arena.venue.venue_id))
        await change_again(other, Process(client))
        redis_state.assert_agreement(arena.venue.venue_id, name)
        await repeat(arena, Process(client))

        redis_state.assert_agreement(arena.venue.venue_id, *arena.event_ids, name)
        redis_state.assert_agreement(other.venue.venue_id, *other.event_ids)
        assert redis_state.event(name).zones == NEW
    assert commands > COMMANDS_TO_BEGIN
