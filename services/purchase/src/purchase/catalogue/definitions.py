"""Defining venues and events: a change of a venue reaches all its events, or none.

One change of a venue at a time. It is first stored as pending at the venue. Each event of the venue
then closes the seats that the change would remove. If one of them is sold or held, the change is
refused and the seats are opened again; otherwise each event is written, and last the venue. The
decision is stored, every step is idempotent, and any process can resume a change.

An event can be defined while its venue changes in another partition. It registers with the venue
*before* it reads the venue's zones, and it is written only if its own version has not moved. A
change that began in between either saw it registered, and moved its version; or the event sees the
change as pending, and finishes it first. Each event records the number of the venue change it
reflects. A process that resumes a change which others have already finished is then refused. If an
event has moved to another venue since it registered, changes of this venue skip it.
"""

from typing import Any

import msgspec
from contracts.position import Position
from msgspec import Struct

from purchase.catalogue.event import Event, Venue
from purchase.catalogue.ledger import Begun, CatalogueLedger, Change, StoredEvent
from purchase.refusals import SeatsInUse, VenueMismatch
from purchase.seats.inventory import Inventory
from purchase.store.connection import OutcomeUnknown, Unavailable

TRIES = 20


class AlreadyDefined(Exception):
    """It had to be new and was not; nothing was changed."""


class TooManyChanges(Unavailable):
    """Others kept changing the same venue or event; nothing was changed."""


class Written(Struct, frozen=True, kw_only=True):
    """The result of a definition: whether its id is new, and each partition's last position."""

    is_new: bool
    positions: dict[int, Position]


class Definitions:
    """The commands that define which venues and events are on sale."""

    def __init__(self, ledger: CatalogueLedger, inventory: Inventory) -> None:
        self._ledger = ledger
        self._inventory = inventory

    async def define_venue(self, venue: Venue, *, only_new: bool = False) -> Written:
        """Define a venue, or change it and with it all its events.

        Raises SeatsInUse, AlreadyDefined, TooManyChanges, Unavailable, OutcomeUnknown.
        """
        for _ in range(TRIES):
            match await self._ledger.begin_change(venue, only_new=only_new):
                case Begun(change=change, is_new=is_new):
                    try:
                        return Written(is_new=is_new, positions=await self._finish(change))
                    except Unavailable as error:  # the change stays pending, and the next caller finishes it
                        raise OutcomeUnknown from error
                case "PRESENT":
                    raise AlreadyDefined
                case "PENDING":
                    await self.finish_pending(venue.venue_id)
        raise TooManyChanges

    async def schedule(self, event: Event, *, only_new: bool = False) -> Written:
        """Define an event at its venue, with the venue's zones; `event` comes without any.

        Raises VenueNotFound, VenueMismatch, AlreadyDefined, TooManyChanges, Unavailable,
        OutcomeUnknown.
        """
        for _ in range(TRIES):
            stored = await self._ledger.read_event(event.event_id)
            if stored.event is not None and only_new:
                raise AlreadyDefined
            if stored.event is not None and stored.event.venue_id != event.venue_id:
                venue_id = stored.event.venue_id
                raise VenueMismatch(f"Event {event.event_id} is at {venue_id}.", venueId=venue_id)
            at = await self._ledger.register(event)
            if at.venue is None or at.change is not None:
                await self.finish_pending(event.venue_id)
                continue
            written = await self._write(event, stored, at.venue, change=at.changes, only_once=False)
            if written is not None:
                return Written(is_new=stored.event is None, positions=written)
        raise TooManyChanges

    async def finish_pending(self, venue_id: str) -> None:
        """Finish the pending change of this venue, if there is one.

        A refusal of that change is not raised here. Raises Unavailable, OutcomeUnknown.
        """
        stored = await self._ledger.read_venue(venue_id)
        if stored.change is not None:
            try:
                await self._finish(stored.change)
            except SeatsInUse:
                return

    async def finish_all_pending(self) -> None:
        """Finish the changes that a process left behind when it died.

        Raises Unavailable, OutcomeUnknown. Stops the process when Redis was installed for another
        number of partitions.
        """
        async for venue_id in self._ledger.venue_ids():
            await self.finish_pending(venue_id)

    async def _finish(self, change: Change) -> dict[int, Position]:
        """Carry a change to its end; return the positions it reached.

        Raises SeatsInUse, TooManyChanges.
        """
        in_use: list[dict[str, Any]] = []
        phase = change.phase
        if phase == "agreeing":
            in_use = await self._agree(change)
            phase = await self._ledger.decide(change, "refusing" if in_use else "writing")
        positions: dict[int, Position] = {}
        async for event_id in self._ledger.events_of(change.venue):
            if phase == "writing":
                positions |= await self._rezone(event_id, change)
            elif phase == "refusing":
                await self._reopen_seats(event_id, change)
        positions |= await self._ledger.end_change(change)
        if phase == "refusing":
            seats = in_use or await self._seats_in_use(change)
            raise SeatsInUse("The change would remove seats that are sold or held.", seats=seats)
        return positions

    async def _agree(self, change: Change) -> list[dict[str, Any]]:
        """Close the seats that the change would remove; return the first ones in use."""
        async for event_id in self._ledger.events_of(change.venue):
            before = await self._close_seats(event_id, change)
            if before is not None and (in_use := await self._seats_removed(before, change)):
                return in_use
        return []

    async def _close_seats(self, event_id: str, change: Change) -> Event | None:
        """Close the seats of one event; return the event as it was.

        Returns None where the change removes none of its seats.
        """
        for _ in range(TRIES):
            stored = await self._ledger.read_event(event_id)
            if stored.is_elsewhere(change.venue):
                return None
            before = await self._ledger.close_seats(event_id, stored, change)
            if before != "STALE":
                return before
        raise TooManyChanges

    async def _seats_in_use(self, change: Change) -> list[dict[str, Any]]:
        """Return the seats in use for which another process has refused this change."""
        async for event_id in self._ledger.events_of(change.venue):
            stored = await self._ledger.read_event(event_id)
            if stored.event is None or stored.is_elsewhere(change.venue):
                continue
            if in_use := await self._seats_removed(stored.event, change):
                return in_use
        return []

    async def _seats_removed(self, event: Event, change: Change) -> list[dict[str, Any]]:
        """Return the seats of the event that are in use and that the change would remove."""
        seats = await self._inventory.in_use(event.event_id, event.zones, change.venue.zones)
        return [{"eventId": event.event_id, **seat.facts} for seat in seats]

    async def _rezone(self, event_id: str, change: Change) -> dict[int, Position]:
        """Write one event with the venue's new zones; return its position.

        Returns nothing where the event is not defined yet.
        """
        for _ in range(TRIES):
            stored = await self._ledger.read_event(event_id)
            if stored.event is None or stored.is_elsewhere(change.venue):
                return {}
            written = await self._write(stored.event, stored, change.venue, change=change.number, only_once=True)
            if written is not None:
                return written
        raise TooManyChanges

    async def _reopen_seats(self, event_id: str, change: Change) -> None:
        """Open the seats of one event that were closed for this change."""
        for _ in range(TRIES):
            stored = await self._ledger.read_event(event_id)
            if stored.is_elsewhere(change.venue) or await self._ledger.reopen_seats(event_id, stored, change):
                return
        raise TooManyChanges

    async def _write(
        self, event: Event, stored: StoredEvent, venue: Venue, *, change: int, only_once: bool
    ) -> dict[int, Position] | None:
        """Write an event with its venue's zones; return its position, None if `stored` is stale."""
        whole = msgspec.structs.replace(event, zones=venue.zones, currency=venue.currency)
        position = await self._ledger.write_event(whole, replaced=stored.version, change=change, only_once=only_once)
        return None if position is None else {self._ledger.partition_of(event.event_id): position}
