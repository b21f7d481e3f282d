"""The read model: tickets, what each zone sold, the catalogue, and how far it has got, in MySQL.

One transaction takes in a whole batch: it locks the partitions concerned, reads the rows that the messages are about,
changes them in memory and writes the difference. What is stored decides whether a message still counts, so that one
which comes again, late or redriven changes nothing; a second projector waits at the lock.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, Generic, TypeVar, assert_never

import msgspec
from contracts.catalogue import EventScheduled, Scheduled, Venue, VenueDefined
from contracts.codec import AnyMessage
from contracts.position import Position
from contracts.seat import column_number
from contracts.ticket import Cancellation, Sale, TicketCancelled, TicketPurchased, TicketRejected
from contracts.timestamp import decode_timestamp
from msgspec import Struct
from sqlalchemy import ColumnElement, Table, insert, select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from message_terminal import metrics, tables
from message_terminal.parking import Refused, park
from message_terminal.projectors import DoubleSale
from message_terminal.settings import READ
from message_terminal.stores import StoreAway, asking_mysql, is_duplicate

PAID = "PAID"
CANCELLED = "CANCELLED"


class TicketRow(Struct, frozen=True, kw_only=True):
    """A ticket as stored; moments are UTC without saying so."""

    ticket_id: str
    event_id: str
    venue_id: str
    zone_id: int
    seat_row: int
    seat_column: int
    generation: int
    revision: int
    status: str
    price_cents: int
    currency: str
    created_on: datetime
    cancelled_on: datetime | None


class ZoneRow(Struct, frozen=True, kw_only=True):
    """A zone of an event; without geometry and price while it is no part of the event as projected."""

    event_id: str
    zone_id: int
    row_count: int | None = None
    col_count: int | None = None
    price_cents: int | None = None
    sold_count: int = 0
    revenue_cents: int = 0


class VenueRow(Struct, frozen=True, kw_only=True):
    """A venue, and the position of the message that it came from."""

    venue_id: str
    name: str | None
    city: str | None
    currency: str
    zones: str
    epoch: int
    sequence: int


class EventRow(Struct, frozen=True, kw_only=True):
    """An event, and the position of the message that it came from."""

    event_id: str
    venue_id: str
    name: str
    type: str
    date: date
    currency: str
    sales_open_at: datetime | None
    sales_close_at: datetime | None
    max_seats_per_customer: int | None
    epoch: int
    sequence: int


class PositionRow(Struct, frozen=True, kw_only=True):
    """How far a partition has got; nothing came yet while epoch and sequence are None."""

    partition_id: int
    epoch: int | None = None
    sequence: int | None = None


Key = TypeVar("Key")
Row = TypeVar("Row", bound=Struct)


class Rows(Generic[Key, Row]):
    """Rows of one table as they were read, and as they shall be."""

    def __init__(self, stored: dict[Key, Row]) -> None:
        self._stored = stored
        self._now = dict(stored)

    def get(self, key: Key) -> Row | None:
        """The row as it shall be."""
        return self._now.get(key)

    def put(self, key: Key, row: Row) -> None:
        """Let the row be this."""
        self._now[key] = row

    def keys(self) -> list[Key]:
        """Those of all rows."""
        return list(self._now)

    def new(self) -> list[Row]:
        """The rows to insert."""
        return [row for key, row in self._now.items() if key not in self._stored]

    def changed(self) -> list[Row]:
        """The rows to update."""
        return [row for key, row in self._now.items() if key in self._stored and self._stored[key] != row]


class Picture(Struct, frozen=True, kw_only=True):
    """As much of the read model as a batch is about, being changed by its messages one after another."""

    tickets: Rows[str, TicketRow]
    zones: Rows[tuple[str, int], ZoneRow]
    venues: Rows[str, VenueRow]
    events: Rows[str, EventRow]

    def take_in(self, message: AnyMessage) -> None:
        """Change what the message changes, unless something newer is known."""
        match message:
            case TicketPurchased() | TicketCancelled():
                self._ticket(ticket_row(message))
            case EventScheduled():
                self._event(event_row(message), message.data)
            case VenueDefined():
                self._venue(venue_row(message))
            case TicketRejected():
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


class ReadModel:
    """Projects messages onto MySQL."""

    model = READ

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def project(self, messages: Sequence[AnyMessage], refused: Sequence[Refused] = ()) -> None:
        """Take messages in and park others, in one transaction. Raises StoreAway, DoubleSale, DataError, ValueError."""
        seen = positions_of(messages, refused)
        try:
            async with asking_mysql(), self._engine.begin() as connection:
                reached = await _lock_positions(connection, seen)
                picture = await _read(connection, messages)
                for message in messages:
                    picture.take_in(message)
                await _write(connection, picture)
                await park(connection, self.model, refused)
                gaps = advance(reached, seen)
                await _write_rows(connection, tables.projection_position, reached)
        except IntegrityError as error:
            if is_duplicate(error, "seat_sale"):
                raise DoubleSale(f"its seat belongs to another ticket: {error.orig}") from error
            raise StoreAway(f"another projector wrote the same: {error.orig}") from error
        metrics.projection_gaps_total.inc(gaps)


def positions_of(messages: Iterable[AnyMessage], refused: Iterable[Refused]) -> dict[int, list[Position]]:
    """The positions that came, by partition; of parked messages too, because those count as passed."""
    seen: dict[int, list[Position]] = {}
    for message in messages:
        if message.position is not None:
            seen.setdefault(message.partition, []).append(Position.parse(message.position))
    for parked in refused:
        if parked.position is not None and parked.header.partition is not None:
            seen.setdefault(parked.header.partition, []).append(parked.position)
    return seen


def advance(reached: Rows[int, PositionRow], seen: dict[int, list[Position]]) -> int:
    """Move each partition to the highest position seen; answers how often positions were skipped on the way."""
    gaps = 0
    for partition, positions in seen.items():
        row = reached.get(partition)
        if row is None:
            continue
        for position in sorted(positions):
            stored = None if row.epoch is None or row.sequence is None else Position(row.epoch, row.sequence)
            if stored is not None and position <= stored:
                continue
            gaps += not follows(position, stored)
            row = PositionRow(partition_id=partition, epoch=position.epoch, sequence=position.sequence)
        reached.put(partition, row)
    return gaps


def follows(position: Position, stored: Position | None) -> bool:
    """Whether nothing can lie between: the next of its epoch, or the first of a newer one."""
    if stored is not None and position.epoch == stored.epoch:
        return position.sequence == stored.sequence + 1
    return position.sequence == 0


def ticket_row(message: TicketPurchased | TicketCancelled) -> TicketRow:
    """The ticket as the message tells it. Raises ValueError for a moment that does not exist."""
    assert message.generation is not None
    data: Sale | Cancellation = message.data
    cancelled_on = data.cancelled_on if isinstance(data, Cancellation) else None
    return TicketRow(
        ticket_id=str(data.ticket_id),
        event_id=data.event_id,
        venue_id=data.venue_id,
        zone_id=data.zone_id,
        seat_row=int(data.row),
        seat_column=column_number(data.column),
        generation=message.generation,
        revision=data.revision,
        status=PAID if cancelled_on is None else CANCELLED,
        price_cents=data.price_cents,
        currency=data.currency,
        created_on=_moment(data.created_on),
        cancelled_on=_moment(cancelled_on) if cancelled_on is not None else None,
    )


def venue_row(message: VenueDefined) -> VenueRow:
    """The venue as the message tells it."""
    data: Venue = message.data
    position = _position(message)
    return VenueRow(
        venue_id=data.venue_id,
        name=data.name,
        city=data.city,
        currency=data.currency,
        zones=msgspec.json.encode(data.zones).decode(),
        epoch=position.epoch,
        sequence=position.sequence,
    )


def event_row(message: EventScheduled) -> EventRow:
    """The event as the message tells it. Raises ValueError for a moment that does not exist."""
    data: Scheduled = message.data
    position = _position(message)
    return EventRow(
        event_id=data.event_id,
        venue_id=data.venue_id,
        name=data.name,
        type=data.type,
        date=data.date,
        currency=data.currency,
        sales_open_at=_moment(data.sales_open_at) if data.sales_open_at is not None else None,
        sales_close_at=_moment(data.sales_close_at) if data.sales_close_at is not None else None,
        max_seats_per_customer=data.max_seats_per_customer,
        epoch=position.epoch,
        sequence=position.sequence,
    )


async def _lock_positions(connection: AsyncConnection, seen: dict[int, list[Position]]) -> Rows[int, PositionRow]:
    table = tables.projection_position
    wanted = table.c.partition_id.in_(sorted(seen))
    rows = await connection.execute(select(table).where(wanted).order_by(table.c.partition_id).with_for_update())
    return Rows({row.partition_id: PositionRow(**row._mapping) for row in rows})


async def _read(connection: AsyncConnection, messages: Sequence[AnyMessage]) -> Picture:
    told = [message.data for message in messages if isinstance(message, TicketPurchased | TicketCancelled)]
    events = {message.data.event_id for message in messages if isinstance(message, EventScheduled)}
    venues = {message.data.venue_id for message in messages if isinstance(message, VenueDefined)}
    zone, zones = tables.zone_sales.c, {(data.event_id, data.zone_id) for data in told}
    ticket_id, event_id, venue_id = tables.ticket.c.ticket_id, tables.event.c.event_id, tables.venue.c.venue_id
    zone_rows = {
        **await _select(connection, ZoneRow, tables.zone_sales, tuple_(zone.event_id, zone.zone_id), zones),
        **await _select(connection, ZoneRow, tables.zone_sales, zone.event_id, events),
    }
    return Picture(
        tickets=Rows(await _select(connection, TicketRow, tables.ticket, ticket_id, {str(d.ticket_id) for d in told})),
        zones=Rows(zone_rows),
        venues=Rows(await _select(connection, VenueRow, tables.venue, venue_id, venues)),
        events=Rows(await _select(connection, EventRow, tables.event, event_id, events)),
    )


async def _select(
    connection: AsyncConnection, shape: type[Row], table: Table, column: ColumnElement[Any], wanted: set[Any]
) -> dict[Any, Row]:
    """The rows whose `column` is one of `wanted`, by primary key."""
    if not wanted:
        return {}
    key = [column.name for column in table.primary_key]
    rows = await connection.execute(select(table).where(column.in_(sorted(wanted))))
    found = [row._mapping for row in rows]
    return {row[key[0]] if len(key) == 1 else tuple(row[name] for name in key): shape(**row) for row in found}


async def _write(connection: AsyncConnection, picture: Picture) -> None:
    await _write_rows(connection, tables.ticket, picture.tickets)
    await _write_rows(connection, tables.zone_sales, picture.zones)
    await _write_rows(connection, tables.venue, picture.venues)
    await _write_rows(connection, tables.event, picture.events)


async def _write_rows(connection: AsyncConnection, table: Table, rows: Rows[Any, Any]) -> None:
    """Two statements at most, whatever the number of rows."""
    if new := rows.new():
        await connection.execute(insert(table), [msgspec.structs.asdict(row) for row in new])
    if changed := rows.changed():
        await connection.execute(tables.change_rows(table), {"rows": msgspec.json.encode(changed).decode()})


def _position(message: AnyMessage) -> Position:
    assert message.position is not None
    return Position.parse(message.position)


def _moment(text: str) -> datetime:
    return decode_timestamp(text).replace(tzinfo=None)
