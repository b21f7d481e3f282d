"""Venues and events in Redis: read, and changed step by step by scripts."""

import uuid
from collections.abc import AsyncIterator
from typing import Literal, cast

from contracts.codec import encode
from contracts.position import Position
from msgspec import Struct
from redis.asyncio import Redis

from purchase.catalogue.event import Event, Venue, decode_event, decode_venue, encode_definition
from purchase.catalogue.messages import event_scheduled, venue_defined
from purchase.refusals import VenueNotFound
from purchase.store import keys
from purchase.store.partitions import Partitions
from purchase.store.scripts import load

Phase = Literal["agreeing", "writing", "refusing"]


class Change(Struct, frozen=True, kw_only=True):
    """A change of a venue that is under way: the venue as it is to be."""

    number: int
    phase: Phase
    venue: Venue


class Begun(Struct, frozen=True, kw_only=True):
    """A change that was begun, and whether the venue is new."""

    change: Change
    is_new: bool


class StoredVenue(Struct, frozen=True, kw_only=True):
    """A venue as it is, the number of its last change, and the change that is under way."""

    venue: Venue | None
    changes: int
    change: Change | None


class StoredEvent(Struct, frozen=True, kw_only=True):
    """An event as it is sold, None while it is only registered, and its version."""

    event: Event | None
    version: int

    def is_elsewhere(self, venue: Venue) -> bool:
        """Return whether the event belongs to another venue for good."""
        return self.event is not None and self.event.venue_id != venue.venue_id


class CatalogueLedger:
    """Venues, their pending changes and their events, each in its own partition.

    Every method raises Recovering; those that run a script also Overloaded and OutcomeUnknown.
    """

    def __init__(self, redis: Redis, partitions: Partitions) -> None:
        self._partitions = partitions
        self._begin_change = load(redis, "begin_change")
        self._agree_event = load(redis, "agree_event")
        self._decide_change = load(redis, "decide_change")
        self._reopen_event = load(redis, "reopen_event")
        self._write_event = load(redis, "write_event")
        self._end_change = load(redis, "end_change")

    def partition_of(self, name: str) -> int:
        """Return the partition of an event or a venue."""
        return keys.partition_of(name, self._partitions.count)

    async def read_venue(self, venue_id: str) -> StoredVenue:
        key = keys.venue(self.partition_of(venue_id), venue_id)
        definition, changes, pending, number, phase = await self._partitions.ask(
            "HMGET", key, "definition", "changes", "pending", "number", "phase"
        )
        change = Change(number=int(number), phase=phase.decode(), venue=decode_venue(pending)) if pending else None
        venue = decode_venue(definition) if definition else None
        return StoredVenue(venue=venue, changes=int(changes or 0), change=change)

    async def read_event(self, event_id: str) -> StoredEvent:
        key = keys.event(self.partition_of(event_id), event_id)
        version, definition = await self._partitions.ask("HMGET", key, "version", "definition")
        return StoredEvent(event=decode_event(definition) if definition else None, version=int(version or 0))

    async def confirm_absence(self, name: str) -> None:
        """Make sure that a venue or event that was not found has not been lost."""
        await self._partitions.confirm(self.partition_of(name))

    async def venue_ids(self) -> AsyncIterator[str]:
        """Iterate over the ids of all venues, also of those whose first definition is pending.

        Stops the process when Redis was installed for another number of partitions.
        """
        await self._partitions.check_partitions()
        for partition in range(self._partitions.count):
            for venue_id in await self._partitions.ask("SMEMBERS", keys.venues(partition)):
                yield venue_id.decode()

    async def events_of(self, venue: Venue) -> AsyncIterator[str]:
        """Iterate over the ids of the events that have registered with this venue."""
        home = self.partition_of(venue.venue_id)
        for event_id in sorted(await self._partitions.ask("SMEMBERS", keys.venue_events(home, venue.venue_id))):
            yield event_id.decode()

    async def register(self, event: Event) -> StoredVenue:
        """Register the event with its venue, then read the venue. Raises VenueNotFound."""
        home = self.partition_of(event.venue_id)
        stored = await self.read_venue(event.venue_id)
        if stored.venue is None and stored.change is None:
            await self.confirm_absence(event.venue_id)
            raise VenueNotFound(f"There is no venue {event.venue_id}.", venueId=event.venue_id)
        await self._partitions.ask("SADD", keys.venue_events(home, event.venue_id), event.event_id)
        return await self.read_venue(event.venue_id)

    async def begin_change(self, venue: Venue, *, only_new: bool) -> Begun | Literal["PENDING", "PRESENT"]:
        """Store the new shape of a venue as pending, unless a change of it is under way."""
        home = self.partition_of(venue.venue_id)
        change_id = str(uuid.uuid4())  # a retry sends the same one, and gets the same answer
        _, answer = await self._partitions.run(
            self._begin_change,
            home,
            [keys.venue(home, venue.venue_id), keys.venues(home)],
            venue.venue_id,
            encode_definition(venue),
            int(only_new),
            change_id,
        )
        match answer:
            case [b"BEGUN", number, is_new]:
                return Begun(change=Change(number=number, phase="agreeing", venue=venue), is_new=bool(is_new))
            case [b"PENDING"]:
                return "PENDING"
            case [b"PRESENT"]:
                return "PRESENT"
        raise AssertionError(f"begin_change answered {answer!r}")

    async def close_seats(self, event_id: str, stored: StoredEvent, change: Change) -> Literal["STALE"] | Event | None:
        """Close the seats of an event that the change would remove.

        Returns the event as it was before, None where the change removes none of its seats.
        """
        home = self.partition_of(event_id)
        narrowed = b"" if stored.event is None else encode_definition(stored.event.narrowed(change.venue.zones))
        key = keys.event(home, event_id)
        _, (word,) = await self._partitions.run(self._agree_event, home, [key], stored.version, change.number, narrowed)
        if word == b"STALE":
            return "STALE"
        before = await self._partitions.ask("HGET", key, "before") if word == b"AGREED" else None
        return decode_event(before) if before else None

    async def decide(self, change: Change, phase: Phase) -> Phase:
        """Decide a change unless it is decided already; return the phase that was decided first."""
        home = self.partition_of(change.venue.venue_id)
        _, (_, decided) = await self._partitions.run(
            self._decide_change, home, [keys.venue(home, change.venue.venue_id)], change.number, phase
        )
        return cast("Phase", decided.decode())

    async def reopen_seats(self, event_id: str, stored: StoredEvent, change: Change) -> bool:
        """Open the seats that were closed for this change; return False if `stored` is stale."""
        home = self.partition_of(event_id)
        _, (word,) = await self._partitions.run(
            self._reopen_event, home, [keys.event(home, event_id)], stored.version, change.number
        )
        return bool(word != b"STALE")

    async def write_event(self, event: Event, *, replaced: int, change: int, only_once: bool) -> Position | None:
        """Write and publish an event, as of this change of its venue; return its position.

        It replaces the version `replaced`; returns None where that version is stale. With
        `only_once` an event that already reflects the change stays as it is.
        """
        home = self.partition_of(event.event_id)
        message = event_scheduled(event, home)
        capacities = [fact for zone in event.zones for fact in (zone.zone_id, zone.row_count * zone.col_count)]
        position, (word, *_) = await self._partitions.run(
            self._write_event,
            home,
            [keys.event(home, event.event_id)],
            replaced,
            change,
            int(only_once),
            encode_definition(event),
            message.id,
            encode(message),
            *capacities,
        )
        return None if word == b"STALE" else position

    async def end_change(self, change: Change) -> dict[int, Position]:
        """Write and publish the venue, or drop the change, as was decided.

        Returns the position of the venue's partition.
        """
        home = self.partition_of(change.venue.venue_id)
        position, _ = await self._partitions.run(
            self._end_change,
            home,
            [keys.venue(home, change.venue.venue_id)],
            change.number,
            encode(venue_defined(change.venue, home)),
        )
        return {home: position}
