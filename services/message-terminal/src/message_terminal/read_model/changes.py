"""The rows a batch touches: as read, as changed by its messages, and the difference to write."""

from typing import Generic, TypeVar, assert_never

import msgspec
from contracts.catalogue import EventScheduled, Scheduled, VenueDefined
from contracts.codec import AnyMessage
from contracts.hold import HoldExpired, HoldReleased, SeatsHeld
from contracts.payment import PaymentCaptured, PaymentRefunded
from contracts.ticket import TicketCancelled, TicketPurchased, TicketRejected
from msgspec import Struct

from message_terminal.read_model.rows import (
    PAID,
    EventRow,
    HeldSeatRow,
    TicketRow,
    VenueRow,
    ZoneRow,
    event_row,
    held_seat_rows,
    ticket_row,
    venue_row,
)

Key = TypeVar("Key")
Row = TypeVar("Row", bound=Struct)


class Rows(Generic[Key, Row]):
    """The rows of one table, as read and as changed."""

    def __init__(self, stored: dict[Key, Row]) -> None:
        self._stored = stored
        self._current = dict(stored)

    def get(self, key: Key) -> Row | None:
        """Return the current row, if any."""
        return self._current.get(key)

    def put(self, key: Key, row: Row) -> None:
        """Insert or replace a row."""
        self._current[key] = row

    def keys(self) -> list[Key]:
        """Return the keys of all rows."""
        return list(self._current)

    def new(self) -> list[Row]:
        """Return the rows to insert."""
        return [row for key, row in self._current.items() if key not in self._stored]

    def changed(self) -> list[Row]:
        """Return the rows to update."""
        return [row for key, row in self._current.items() if key in self._stored and self._stored[key] != row]


class Changes(Struct, frozen=True, kw_only=True):
    """The changes of one batch to tickets, zones, held seats, venues and events."""

    tickets: Rows[str, TicketRow]
    zones: Rows[tuple[str, int], ZoneRow]
    held_seats: Rows[tuple[str, int, int, int], HeldSeatRow]
    venues: Rows[str, VenueRow]
    events: Rows[str, EventRow]

    def apply(self, message: AnyMessage) -> None:
        """Change the rows that the message is about, unless they are newer than the message."""
        match message:
            case TicketPurchased():
                self._ticket(ticket_row(message))
                self._hold(held_seat_rows(message))
            case TicketCancelled():
                self._ticket(ticket_row(message))
            case SeatsHeld() | HoldReleased() | HoldExpired():
                self._hold(held_seat_rows(message))
            case EventScheduled():
                self._event(event_row(message), message.data)
            case VenueDefined():
                self._venue(venue_row(message))
            case TicketRejected() | PaymentCaptured() | PaymentRefunded():
                pass
            case _:
                assert_never(message)

    def _ticket(self, ticket: TicketRow) -> None:
        stored = self.tickets.get(ticket.ticket_id)
        if stored is not None and stored.revision >= ticket.revision:
            return
        self.tickets.put(ticket.ticket_id, ticket)
        if stored is not None:
            self._count(stored, -1)
        self._count(ticket, 1)

    def _count(self, ticket: TicketRow, times: int) -> None:
        sold = times if ticket.status == PAID else 0
        zone = self._zone(ticket.event_id, ticket.zone_id)
        self._put_zone(
            zone, sold_count=zone.sold_count + sold, revenue_cents=zone.revenue_cents + sold * ticket.price_cents
        )

    def _hold(self, seats: list[HeldSeatRow]) -> None:
        for seat in seats:
            key = (seat.hold_reference, seat.zone_id, seat.seat_row, seat.seat_column)
            stored = self.held_seats.get(key)
            if stored is None or (stored.epoch, stored.sequence) < (seat.epoch, seat.sequence):
                self.held_seats.put(key, seat)

    def _event(self, event: EventRow, scheduled: Scheduled) -> None:
        stored = self.events.get(event.event_id)
        if stored is not None and (stored.epoch, stored.sequence) >= (event.epoch, event.sequence):
            return
        self.events.put(event.event_id, event)
        for event_id, zone_id in self.zones.keys():  # noqa: SIM118 - Rows is no mapping
            if event_id == event.event_id:
                self._put_zone(self._zone(event_id, zone_id), row_count=None, col_count=None, price_cents=None)
        for zone in scheduled.zones:
            self._put_zone(
                self._zone(event.event_id, zone.zone_id),
                row_count=zone.row_count,
                col_count=zone.col_count,
                price_cents=zone.price_cents,
            )

    def _venue(self, venue: VenueRow) -> None:
        stored = self.venues.get(venue.venue_id)
        if stored is None or (stored.epoch, stored.sequence) < (venue.epoch, venue.sequence):
            self.venues.put(venue.venue_id, venue)

    def _zone(self, event_id: str, zone_id: int) -> ZoneRow:
        return self.zones.get((event_id, zone_id)) or ZoneRow(event_id=event_id, zone_id=zone_id)

    def _put_zone(self, zone: ZoneRow, **changes: int | None) -> None:
        self.zones.put((zone.event_id, zone.zone_id), msgspec.structs.replace(zone, **changes))
