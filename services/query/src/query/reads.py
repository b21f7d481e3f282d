"""The queries on the read model.

TicketNotFound, EventNotFound, VenueNotFound, ZoneNotFound      no such id has been projected
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from contracts import catalogue
from contracts.seat import column_label
from contracts.timestamp import encode_timestamp

from query import statements
from query.answers import (
    Event,
    EventCount,
    EventPage,
    EventSummary,
    Revenue,
    SeatMap,
    Ticket,
    TicketPage,
    Venue,
    VenuePage,
    VenueSummary,
    Zone,
    ZoneCount,
    ZoneSeats,
)
from query.database import Database
from query.joining import JoinedTickets
from query.money import from_cents
from query.parameters import IDENTIFIER, TICKET_ID, cut_page, read_cursor
from query.seat_map import draw_rows

_zones_of_venue = msgspec.json.Decoder(list[catalogue.Zone])


class TicketNotFound(LookupError):
    """No ticket with that id has been projected."""

    def __init__(self, ticket_id: str) -> None:
        super().__init__(f"There is no ticket {ticket_id}.")
        self.ticket_id = ticket_id


class EventNotFound(LookupError):
    """No event with that id has been projected, or it is at another venue."""

    def __init__(self, event_id: str, venue_id: str | None = None) -> None:
        super().__init__(f"There is no event {event_id}" + (f" at venue {venue_id}." if venue_id else "."))
        self.event_id = event_id


class VenueNotFound(LookupError):
    """No venue with that id has been projected."""

    def __init__(self, venue_id: str) -> None:
        super().__init__(f"There is no venue {venue_id}.")
        self.venue_id = venue_id


class ZoneNotFound(LookupError):
    """The event has no such zone."""

    def __init__(self, event_id: str, zone_id: int) -> None:
        super().__init__(f"Event {event_id} has no zone {zone_id}.")
        self.event_id = event_id
        self.zone_id = zone_id


class Reads:
    """The queries; each reads one snapshot with one statement, unless its docstring differs.

    All raise ReadModelUnavailable and Overloaded.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._joined_tickets = JoinedTickets(database)

    async def ticket(self, ticket_id: str) -> Ticket:
        """Return one ticket. Raises TicketNotFound."""
        row = await self._joined_tickets.get(ticket_id.lower())
        if row is None:
            raise TicketNotFound(ticket_id)
        return _ticket(row)

    async def tickets(
        self, event_id: str, *, zone_id: int | None, status: str | None, cursor: str | None, limit: int
    ) -> TicketPage:
        """Return a page of the event's tickets. Raises EventNotFound, InvalidRequest."""
        after = read_cursor(cursor, TICKET_ID)
        rows = await self._database.fetch_many(
            statements.tickets_of_event(zone_id, status), {"event_id": event_id, "after": after, "rows": limit + 1}
        )
        if not rows:
            await self._check_event_exists(event_id)
        page, next_cursor = cut_page(rows, limit, "ticket_id")
        return TicketPage(tickets=[_ticket(row) for row in page], next_cursor=next_cursor)

    async def count(self, event_id: str) -> EventCount:
        """Count the sold tickets of each zone. Raises EventNotFound."""
        rows = await self._database.fetch(statements.EVENT_COUNT, {"event_id": event_id})
        if not rows:
            raise EventNotFound(event_id)
        zones = [ZoneCount(zone_id=zone_id, sold_count=sold) for zone_id, sold in rows if zone_id is not None]
        return EventCount(event_id=event_id, zones=zones)

    async def revenue(self, venue_id: str, event_id: str) -> Revenue:
        """Return the event's revenue. Raises EventNotFound, also if it is at another venue."""
        rows = await self._database.fetch(statements.EVENT_REVENUE, {"event_id": event_id, "venue_id": venue_id})
        if not rows:
            raise EventNotFound(event_id, venue_id)
        [row] = rows
        return Revenue(
            event_id=event_id,
            venue_id=venue_id,
            ticket_price=from_cents(int(row.revenue_cents)),
            currency=row.currency,
            sold_count=int(row.sold_count),
        )

    async def venues(self, *, cursor: str | None, limit: int) -> VenuePage:
        """Return a page of the venues. Raises InvalidRequest."""
        after = read_cursor(cursor, IDENTIFIER)
        rows = await self._database.fetch(statements.VENUES, {"after": after, "rows": limit + 1})
        page, next_cursor = cut_page(rows, limit, "venue_id")
        return VenuePage(venues=[VenueSummary(**row._mapping) for row in page], next_cursor=next_cursor)

    async def venue(self, venue_id: str) -> Venue:
        """Return one venue with its zones. Raises VenueNotFound."""
        rows = await self._database.fetch(statements.VENUE, {"venue_id": venue_id})
        if not rows:
            raise VenueNotFound(venue_id)
        columns = dict(rows[0]._mapping)
        zones = sorted(_zones_of_venue.decode(columns.pop("zones")), key=lambda zone: zone.zone_id)
        return Venue(**columns, zones=[_zone(zone) for zone in zones])

    async def events(self, *, cursor: str | None, limit: int) -> EventPage:
        """Return a page of the events. Raises InvalidRequest."""
        after = read_cursor(cursor, IDENTIFIER)
        rows = await self._database.fetch(statements.EVENTS, {"after": after, "rows": limit + 1})
        page, next_cursor = cut_page(rows, limit, "event_id")
        return EventPage(events=[EventSummary(**_event(row)) for row in page], next_cursor=next_cursor)

    async def event(self, event_id: str) -> Event:
        """Return one event with its zones. Raises EventNotFound."""
        rows = await self._event_with_zones(event_id)
        return Event(**_event(rows[0]), zones=[_zone(row) for row in rows if row.zone_id is not None])

    async def seat_map(self, event_id: str, *, zone_id: int | None) -> SeatMap:
        """Read the zones, then their held and sold seats: two statements.

        The seats are drawn in a thread: a million take long, and must not block other queries.
        Raises EventNotFound, ZoneNotFound.
        """
        rows = await self._event_with_zones(event_id)
        zones = [row for row in rows if row.zone_id is not None and zone_id in (None, row.zone_id)]
        if zone_id is not None and not zones:
            raise ZoneNotFound(event_id, zone_id)
        taken = await self._database.fetch_many(
            statements.TAKEN_SEATS, {"event_id": event_id, "zone_ids": [zone.zone_id for zone in zones]}
        )
        return SeatMap(
            event_id=event_id,
            venue_id=rows[0].venue_id,
            currency=rows[0].currency,
            zones=await asyncio.to_thread(_draw_zones, zones, taken),
        )

    async def _event_with_zones(self, event_id: str) -> list[Any]:
        """Return one row per zone, by zone id; one row without a zone id if the event has no zones.

        Raises EventNotFound.
        """
        rows = await self._database.fetch(statements.EVENT_WITH_ZONES, {"event_id": event_id})
        if not rows:
            raise EventNotFound(event_id)
        return list(rows)

    async def _check_event_exists(self, event_id: str) -> None:
        if not await self._database.fetch(statements.EVENT_EXISTS, {"event_id": event_id}):
            raise EventNotFound(event_id)


def _ticket(row: Any) -> Ticket:
    return Ticket(
        ticket_id=row.ticket_id,
        venue_id=row.venue_id,
        event_id=row.event_id,
        zone_id=row.zone_id,
        row=str(row.seat_row),
        column=column_label(row.seat_column),
        status=row.status,
        price=from_cents(row.price_cents),
        currency=row.currency,
        created_on=encode_timestamp(row.created_on.replace(tzinfo=UTC)),
    )


def _event(row: Any) -> dict[str, Any]:
    return {
        "event_id": row.event_id,
        "venue_id": row.venue_id,
        "name": row.name,
        "type": row.type,
        "date": row.date,
        "currency": row.currency,
        "sales_open_at": _moment(row.sales_open_at),
        "sales_close_at": _moment(row.sales_close_at),
        "max_seats_per_customer": row.max_seats_per_customer,
    }


def _zone(zone: Any) -> Zone:
    return Zone(
        zone_id=zone.zone_id,
        ticket_price=from_cents(zone.price_cents),
        row_count=zone.row_count,
        col_count=zone.col_count,
    )


def _draw_zones(zones: Sequence[Any], taken_rows: Sequence[Any]) -> list[ZoneSeats]:
    """Draw each zone; `taken_rows` are (status, zone id, row, its columns as text like "3,1,2")."""
    taken: defaultdict[tuple[str, int], dict[int, list[int]]] = defaultdict(dict)
    for status, zone_id, row, columns in taken_rows:
        taken[status, zone_id][row] = [int(column) for column in columns.split(",")]
    return [
        _draw_zone(zone, taken[statements.HELD, zone.zone_id], taken[statements.PAID, zone.zone_id]) for zone in zones
    ]


def _draw_zone(zone: Any, held: Mapping[int, Sequence[int]], sold: Mapping[int, Sequence[int]]) -> ZoneSeats:
    return ZoneSeats(
        zone_id=zone.zone_id,
        ticket_price=from_cents(zone.price_cents),
        row_count=zone.row_count,
        col_count=zone.col_count,
        rows=draw_rows(zone.row_count, zone.col_count, held=held, sold=sold),
    )


def _moment(stored: datetime | None) -> str | None:
    return None if stored is None else encode_timestamp(stored.replace(tzinfo=UTC))
