"""Defining venues and events: one change of a venue at a time, agreed to by all its events before any is written.

A change of a venue is first noted as pending at the venue's home. Each of its events then closes the seats that would
go; where one of them is in use the change is refused and the seats are opened again, else each event is written, and
last the venue. The decision is recorded, every step may be repeated, and any process may finish what another began.

An event may be defined while its venue changes, in another partition: it registers with the venue *before* it reads
the venue's zones, and is written only if its own version did not move meanwhile. A change that began in between either
saw it registered, and moved its version, or is seen by it as pending, and is finished first. Each event notes the
venue's last change that it is as of: whoever was held up in a change that others have finished since does it no harm.
An event that registered may have become another venue's in the meantime: then changes of this one pass it by.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import Any

import msgspec
from contracts.catalogue import EventScheduled, VenueDefined, Zone
from contracts.codec import encode
from contracts.position import Position
from contracts.seat import column_label
from msgspec import Struct
from redis.asyncio import Redis

from purchase import SOURCE
from purchase.catalogue.offers import Event, Offers, Venue, decode_event, decode_venue, encode_definition
from purchase.refusals import SeatsInUse, VenueMismatch, VenueNotFound
from purchase.store import keys
from purchase.store.connection import OutcomeUnknown, Unavailable
from purchase.store.moments import now_us, timestamp_of
from purchase.store.partitions import Partitions
from purchase.store.scripts import load

TRIES = 20
ROWS_AT_ONCE = 64
SEATS_TOLD_MAX = 100
"""Seats in use that a refusal lists; the first ones are enough to act on."""


class AlreadyDefined(Exception):
    """It had to be new and was not; nothing was changed."""


class TooManyChanges(Unavailable):
    """Others changed the same venue or event all the time; nothing was changed."""


class Written(Struct, frozen=True, kw_only=True):
    """What a definition did: whether it was the first of its id, and the last position of each partition it changed."""

    is_new: bool
    positions: dict[int, Position]


class _Change(Struct, frozen=True, kw_only=True):
    """A change of a venue that is under way."""

    number: int
    phase: str
    venue: Venue


class _KeptVenue(Struct, frozen=True, kw_only=True):
    """A venue as it is, how often it was changed, and its change that is under way."""

    venue: Venue | None
    changes: int
    change: _Change | None


class _KeptEvent(Struct, frozen=True, kw_only=True):
    """An event as it is sold, None while it is only registered, and its version."""

    event: Event | None
    version: int

    def is_elsewhere(self, venue: Venue) -> bool:
        """Whether it is another venue's for good."""
        return self.event is not None and self.event.venue_id != venue.venue_id


class Definitions:
    """The commands that define what is on sale."""

    def __init__(self, redis: Redis, partitions: Partitions, offers: Offers) -> None:
        self._partitions = partitions
        self._offers = offers
        self._begin_change = load(redis, "begin_change", "outbox")
        self._agree_event = load(redis, "agree_event", "outbox")
        self._decide_change = load(redis, "decide_change", "outbox")
        self._reopen_event = load(redis, "reopen_event", "outbox")
        self._write_event = load(redis, "write_event", "outbox")
        self._end_change = load(redis, "end_change", "outbox")

    async def define_venue(self, venue: Venue, *, only_new: bool = False) -> Written:
        """Define a venue, or change it and with it all its events.

        Raises SeatsInUse, AlreadyDefined, TooManyChanges, Unavailable, OutcomeUnknown.
        """
        home = self._offers.partition_of(venue.venue_id)
        for _ in range(TRIES):
            _, begun = await self._partitions.run(
                self._begin_change,
                home,
                [keys.venue(home, venue.venue_id), keys.venues(home)],
                venue.venue_id,
                encode_definition(venue),
                int(only_new),
            )
            match begun:
                case [b"BEGUN", number, is_new]:
                    change = _Change(number=number, phase="agreeing", venue=venue)
                    try:
                        return Written(is_new=bool(is_new), positions=await self._finish(change))
                    except Unavailable as error:  # it stays pending, and whoever comes next finishes it
                        raise OutcomeUnknown from error
                case [b"PRESENT"]:
                    raise AlreadyDefined
                case [b"PENDING"]:
                    await self.finish_pending(venue.venue_id)
        raise TooManyChanges

    async def schedule(self, event: Event, *, only_new: bool = False) -> Written:
        """Define an event at its venue, with the venue's zones; `event` comes without any.

        Raises VenueNotFound, VenueMismatch, AlreadyDefined, TooManyChanges, Unavailable, OutcomeUnknown.
        """
        home = self._offers.partition_of(event.event_id)
        for _ in range(TRIES):
            kept = await self._read_event(event.event_id)
            if kept.event is not None and only_new:
                raise AlreadyDefined
            if kept.event is not None and kept.event.venue_id != event.venue_id:
                raise VenueMismatch(f"event {event.event_id} is at {kept.event.venue_id}", venueId=kept.event.venue_id)
            at = await self._register(event)
            if at.venue is None or at.change is not None:
                await self.finish_pending(event.venue_id)
                continue
            whole = msgspec.structs.replace(event, zones=at.venue.zones, currency=at.venue.currency)
            position = await self._write(whole, replaced=kept.version, change=at.changes, only_once=False)
            if position is not None:
                return Written(is_new=kept.event is None, positions={home: position})
        raise TooManyChanges

    async def finish_pending(self, venue_id: str) -> None:
        """Finish the change of this venue that is under way, if there is one; whether it is refused is not told here.

        Raises Unavailable, OutcomeUnknown.
        """
        kept = await self._read_venue(venue_id)
        if kept.change is not None:
            try:
                await self._finish(kept.change)
            except SeatsInUse:
                return

    async def finish_all_pending(self) -> None:
        """Finish what a process that died left behind. Raises Unavailable, OutcomeUnknown.

        Stops the process when Redis was installed for another number of partitions.
        """
        await self._partitions.check_partitions()
        for partition in range(self._partitions.count):
            for venue_id in await self._partitions.ask("SMEMBERS", keys.venues(partition)):
                await self.finish_pending(venue_id.decode())

    async def _finish(self, change: _Change) -> dict[int, Position]:
        """Carry a change to its end; the positions it reached. Raises SeatsInUse."""
        in_use: list[dict[str, Any]] = []
        phase = change.phase
        if phase == "agreeing":
            in_use = await self._agree(change)
            phase = await self._decide(change, "refusing" if in_use else "writing")
        positions: dict[int, Position] = {}
        async for event_id in self._events_of(change.venue):
            if phase == "writing":
                positions |= await self._rezone(event_id, change)
            elif phase == "refusing":
                await self._reopen(event_id, change)
        positions |= await self._end(change)
        if phase == "refusing":
            told = in_use or await self._would_go(change)
            raise SeatsInUse("seats that are sold or held would be removed", seats=told)
        return positions

    async def _agree(self, change: _Change) -> list[dict[str, Any]]:
        """Close the seats that go, event by event; those of them that are in use."""
        async for event_id in self._events_of(change.venue):
            before = await self._close(event_id, change)
            if before is not None and (in_use := await self._seats_in_use(before, change.venue.zones)):
                return in_use
        return []

    async def _would_go(self, change: _Change) -> list[dict[str, Any]]:
        """The seats in use for which another process has refused this change."""
        async for event_id in self._events_of(change.venue):
            kept = await self._read_event(event_id)
            if kept.event is None or kept.is_elsewhere(change.venue):
                continue
            if in_use := await self._seats_in_use(kept.event, change.venue.zones):
                return in_use
        return []

    async def _close(self, event_id: str, change: _Change) -> Event | None:
        """Close the seats of one event that the change would take; the event as it was, None where it takes none."""
        home = self._offers.partition_of(event_id)
        for _ in range(TRIES):
            kept = await self._read_event(event_id)
            if kept.is_elsewhere(change.venue):
                return None
            narrowed = b"" if kept.event is None else encode_definition(narrow(kept.event, change.venue.zones))
            _, (word,) = await self._partitions.run(
                self._agree_event,
                home,
                [keys.event(home, event_id)],
                kept.version,
                change.number,
                narrowed,
            )
            if word == b"AGREED":
                before = await self._partitions.ask("HGET", keys.event(home, event_id), "before")
                return decode_event(before) if before else None
            if word == b"SETTLED":
                return None
        raise TooManyChanges

    async def _decide(self, change: _Change, phase: str) -> str:
        home = self._offers.partition_of(change.venue.venue_id)
        _, decided = await self._partitions.run(
            self._decide_change,
            home,
            [keys.venue(home, change.venue.venue_id)],
            change.number,
            phase,
        )
        phase_decided: str = decided[1].decode()
        return phase_decided

    async def _rezone(self, event_id: str, change: _Change) -> dict[int, Position]:
        """Write one event with the venue's new zones; its partition's position, nothing where it is not defined."""
        home = self._offers.partition_of(event_id)
        for _ in range(TRIES):
            kept = await self._read_event(event_id)
            if kept.event is None or kept.is_elsewhere(change.venue):
                return {}
            whole = msgspec.structs.replace(kept.event, zones=change.venue.zones, currency=change.venue.currency)
            position = await self._write(whole, replaced=kept.version, change=change.number, only_once=True)
            if position is not None:
                return {home: position}
        raise TooManyChanges

    async def _reopen(self, event_id: str, change: _Change) -> None:
        """Open the seats of one event that were closed for this change."""
        home = self._offers.partition_of(event_id)
        for _ in range(TRIES):
            kept = await self._read_event(event_id)
            if kept.is_elsewhere(change.venue):
                return
            _, (word,) = await self._partitions.run(
                self._reopen_event, home, [keys.event(home, event_id)], kept.version, change.number
            )
            if word != b"STALE":
                return
        raise TooManyChanges

    async def _end(self, change: _Change) -> dict[int, Position]:
        venue = change.venue
        home = self._offers.partition_of(venue.venue_id)
        now = timestamp_of(now_us())
        message = VenueDefined(
            id=str(uuid.uuid4()), source=SOURCE, subject=venue.venue_id, time=now, partition=home, data=venue.told()
        )
        position, _ = await self._partitions.run(
            self._end_change,
            home,
            [keys.venue(home, venue.venue_id)],
            change.number,
            encode(message),
        )
        return {home: position}

    async def _write(self, event: Event, *, replaced: int, change: int, only_once: bool) -> Position | None:
        """Write an event, as of this change of its venue, in place of its version `replaced`.

        None when that is no longer its version. With `only_once` an event that is as of this change stays as it is.
        """
        home = self._offers.partition_of(event.event_id)
        now = timestamp_of(now_us())
        message = EventScheduled(
            id=str(uuid.uuid4()), source=SOURCE, subject=event.event_id, time=now, partition=home, data=event.told()
        )
        capacities = [fact for zone in event.zones for fact in (zone.zone_id, zone.row_count * zone.col_count)]
        position, decided = await self._partitions.run(
            self._write_event,
            home,
            [keys.event(home, event.event_id)],
            replaced,
            change,
            int(only_once),
            encode_definition(event),
            encode(message),
            *capacities,
        )
        return None if decided[0] == b"STALE" else position

    async def _register(self, event: Event) -> _KeptVenue:
        """Tell the venue of the event, then read it. Raises VenueNotFound, Recovering."""
        home = self._offers.partition_of(event.venue_id)
        kept = await self._read_venue(event.venue_id)
        if kept.venue is None and kept.change is None:
            await self._partitions.confirm(home)
            raise VenueNotFound(f"there is no venue {event.venue_id}", venueId=event.venue_id)
        await self._partitions.ask("SADD", keys.venue_events(home, event.venue_id), event.event_id)
        return await self._read_venue(event.venue_id)

    async def _events_of(self, venue: Venue) -> AsyncIterator[str]:
        home = self._offers.partition_of(venue.venue_id)
        for event_id in sorted(await self._partitions.ask("SMEMBERS", keys.venue_events(home, venue.venue_id))):
            yield event_id.decode()

    async def _read_venue(self, venue_id: str) -> _KeptVenue:
        key = keys.venue(self._offers.partition_of(venue_id), venue_id)
        definition, changes, pending, number, phase = await self._partitions.ask(
            "HMGET", key, "definition", "changes", "pending", "number", "phase"
        )
        change = _Change(number=int(number), phase=phase.decode(), venue=decode_venue(pending)) if pending else None
        venue = decode_venue(definition) if definition else None
        return _KeptVenue(venue=venue, changes=int(changes or 0), change=change)

    async def _read_event(self, event_id: str) -> _KeptEvent:
        key = keys.event(self._offers.partition_of(event_id), event_id)
        version, definition = await self._partitions.ask("HMGET", key, "version", "definition")
        return _KeptEvent(event=decode_event(definition) if definition else None, version=int(version or 0))

    async def _seats_in_use(self, event: Event, zones: tuple[Zone, ...]) -> list[dict[str, Any]]:
        """Seats of the event that are sold or held and have no place in `zones`; the closed ones stay as they are."""
        home = self._offers.partition_of(event.event_id)
        seconds, _ = await self._partitions.ask(
            "TIME"
        )  # asked first: what has run out by then has run out for every script
        in_use: list[dict[str, Any]] = []
        closing = closing_rows(event.zones, zones)
        while len(in_use) < SEATS_TOLD_MAX and (some := list(islice(closing, ROWS_AT_ONCE))):
            rows = await asyncio.gather(
                *(self._partitions.ask("HGETALL", keys.row(home, event.event_id, zone, row)) for zone, row, _ in some)
            )
            in_use += [
                {"eventId": event.event_id, "zoneId": zone_id, "row": str(row_number), "column": column_label(column)}
                for (zone_id, row_number, first_column), seats in zip(some, rows, strict=True)
                for column, seat in sorted((int(column), seat) for column, seat in seats.items())
                if column >= first_column and is_in_use(seat, int(seconds) * 1_000)
            ]
        return in_use[:SEATS_TOLD_MAX]


def is_in_use(seat: bytes, now_ms: int) -> bool:
    """Whether a seat with this record (`lua/lib/seat.lua`) is sold, or held by a hold that has not run out."""
    if seat.startswith(b"H"):
        deadline_ms = int.from_bytes(seat[-8:])
        return deadline_ms == 0 or deadline_ms > now_ms
    return seat.startswith(b"S")


def narrow(event: Event, zones: tuple[Zone, ...]) -> Event:
    """The event without the seats that have no place in `zones`; prices and all else as they were."""
    after = {zone.zone_id: zone for zone in zones}
    kept = tuple(
        msgspec.structs.replace(
            zone,
            row_count=min(zone.row_count, after[zone.zone_id].row_count),
            col_count=min(zone.col_count, after[zone.zone_id].col_count),
        )
        for zone in event.zones
        if zone.zone_id in after
    )
    return msgspec.structs.replace(event, zones=kept)


def closing_rows(before: tuple[Zone, ...], after: tuple[Zone, ...]) -> Iterator[tuple[int, int, int]]:
    """Zone, row and first column of the seats in `before` that have no place in `after`."""
    kept = {zone.zone_id: zone for zone in after}
    for zone in before:
        new = kept.get(zone.zone_id)
        for row_number in range(1, zone.row_count + 1):
            if new is None or row_number > new.row_count:
                yield zone.zone_id, row_number, 1
            elif zone.col_count > new.col_count:
                yield zone.zone_id, row_number, new.col_count + 1
