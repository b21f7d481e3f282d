"""The read model: tickets, what each zone sold, held seats, the catalogue, and how far it has got, in MySQL.

One transaction takes in a whole batch: it locks the partitions concerned, reads the rows that the messages are about,
changes them in memory and writes the difference. What is stored decides whether a message still counts, so that one
which comes again, late or redriven changes nothing; a second projector waits at the lock.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from contracts.catalogue import EventScheduled, VenueDefined
from contracts.codec import AnyMessage
from contracts.position import Position
from contracts.ticket import TicketCancelled, TicketPurchased
from sqlalchemy import ColumnElement, Table, delete, insert, select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from message_terminal import metrics, tables
from message_terminal.parking import Refused, park
from message_terminal.projector import DoubleSale
from message_terminal.read_model.picture import Picture, Row, Rows
from message_terminal.read_model.positions import advance, positions_of
from message_terminal.read_model.rows import (
    EventRow,
    HeldSeatRow,
    HoldMessage,
    PositionRow,
    TicketRow,
    VenueRow,
    ZoneRow,
)
from message_terminal.settings import READ
from message_terminal.stores import StoreAway, asking_mysql, is_duplicate

ENDED_HOLDS_KEPT = timedelta(days=1)
ENDED_HOLDS_FORGOTTEN_AT_ONCE = 2_000


class ReadModel:
    """Projects messages onto MySQL."""

    model = READ

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def project(self, messages: Sequence[AnyMessage], refused: Sequence[Refused] = ()) -> None:
        """Take messages in and park others, in one transaction. Raises StoreAway, DoubleSale, DataError, ValueError."""
        seen = positions_of(messages, refused)
        try:
            await self._take_in(messages, refused, seen)
        except DoubleSale:
            match messages:
                case [TicketCancelled()]:
                    # The end of a ticket that was itself refused as a double sale: there is nothing to take off.
                    await self._take_in([], refused, seen)
                case _:
                    raise

    async def _take_in(
        self, messages: Sequence[AnyMessage], refused: Sequence[Refused], seen: dict[int, list[Position]]
    ) -> None:
        try:
            async with asking_mysql(), self._engine.begin() as connection:
                reached = await _lock_positions(connection, seen)
                _expect({message.partition for message in messages}, reached)
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
            if is_duplicate(error, "PRIMARY"):
                raise StoreAway(f"MySQL: another projector wrote the same: {error.orig}") from error
            raise
        metrics.projection_gaps_total.inc(gaps)


async def _lock_positions(connection: AsyncConnection, seen: dict[int, list[Position]]) -> Rows[int, PositionRow]:
    table = tables.projection_position
    wanted = table.c.partition_id.in_(sorted(seen))
    rows = await connection.execute(select(table).where(wanted).order_by(table.c.partition_id).with_for_update())
    return Rows({row.partition_id: PositionRow(**row._mapping) for row in rows})


def _expect(partitions: set[int], reached: Rows[int, PositionRow]) -> None:
    """Without a row to lock nothing may be counted."""
    if missing := partitions.difference(reached.keys()):
        raise StoreAway(f"MySQL: set up for fewer partitions, without {sorted(missing)}")


async def _read(connection: AsyncConnection, messages: Sequence[AnyMessage]) -> Picture:
    told = [message.data for message in messages if isinstance(message, TicketPurchased | TicketCancelled)]
    holds = {
        message.data.hold
        for message in messages
        if isinstance(message, HoldMessage | TicketPurchased) and message.data.hold is not None
    }
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
        held_seats=Rows(
            await _select(connection, HeldSeatRow, tables.held_seat, tables.held_seat.c.hold_reference, holds)
        ),
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
    await _write_rows(connection, tables.held_seat, picture.held_seats)
    await _write_rows(connection, tables.venue, picture.venues)
    await _write_rows(connection, tables.event, picture.events)
    if zones := {(seat.event_id, seat.zone_id) for seat in picture.held_seats.new()}:
        await _forget_holds(connection, zones)


async def _write_rows(connection: AsyncConnection, table: Table, rows: Rows[Any, Any]) -> None:
    """Two statements at most, whatever the number of rows."""
    if new := rows.new():
        await connection.execute(insert(table), [msgspec.structs.asdict(row) for row in new])
    if changed := rows.changed():
        await connection.execute(tables.change_rows(table), {"rows": msgspec.json.encode(changed).decode()})


async def _forget_holds(connection: AsyncConnection, zones: set[tuple[str, int]]) -> None:
    """Drop what nobody looks at any more, so that the table does not grow with every hold there ever was.

    No hold lasts as long as its row is kept: what comes about it even later tells of a moment that is over.
    """
    held = tables.held_seat.c
    long_ago = datetime.now(UTC).replace(tzinfo=None) - ENDED_HOLDS_KEPT
    await connection.execute(
        delete(tables.held_seat)
        .where(tuple_(held.event_id, held.zone_id).in_(sorted(zones)), held.held_until < long_ago)
        .with_dialect_options(mysql_limit=ENDED_HOLDS_FORGOTTEN_AT_ONCE)
    )
