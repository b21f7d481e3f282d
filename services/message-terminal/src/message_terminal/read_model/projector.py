"""Projects onto MySQL: tickets, sales per zone, held seats, the catalogue, and positions.

One transaction projects a whole batch: it locks the positions of the batch's partitions, reads the
rows that the messages are about, changes them in memory, and writes the difference. A message that
is not newer than the stored row changes nothing, whether it is late, redelivered or redriven. A
second projector waits for the lock.
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
from message_terminal.read_model.changes import Changes, Row, Rows
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
from message_terminal.stores import StoreUnavailable, calling_mysql, is_duplicate

HELD_SEATS_RETENTION = timedelta(days=1)
HELD_SEATS_DELETED_AT_ONCE = 2_000


class ReadModelProjector:
    """The projector of the read model."""

    model = READ

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def project(self, messages: Sequence[AnyMessage], refused: Sequence[Refused] = ()) -> None:
        """Project messages and park others, in one transaction.

        Raises StoreUnavailable, DoubleSale, DataError, ValueError.
        """
        seen = positions_of(messages, refused)
        try:
            await self._project(messages, refused, seen)
        except DoubleSale:
            match messages:
                case [TicketCancelled()]:
                    # The cancelled ticket was refused as a double sale, so it was never counted.
                    await self._project([], refused, seen)
                case _:
                    raise

    async def _project(
        self, messages: Sequence[AnyMessage], refused: Sequence[Refused], seen: dict[int, list[Position]]
    ) -> None:
        try:
            async with calling_mysql(), self._engine.begin() as connection:
                reached = await _lock_positions(connection, seen)
                _check_positions({message.partition for message in messages}, reached)
                changes = await _read(connection, messages)
                for message in messages:
                    changes.apply(message)
                await _write(connection, changes)
                await park(connection, self.model, refused)
                gaps = advance(reached, seen)
                await _write_rows(connection, tables.projection_position, reached)
        except IntegrityError as error:
            if is_duplicate(error, "seat_sale"):
                raise DoubleSale(f"its seat belongs to another ticket: {error.orig}") from error
            if is_duplicate(error, "PRIMARY"):
                raise StoreUnavailable(f"MySQL: another projector wrote the same row: {error.orig}") from error
            raise
        metrics.projection_gaps_total.inc(gaps)


async def _lock_positions(connection: AsyncConnection, seen: dict[int, list[Position]]) -> Rows[int, PositionRow]:
    table = tables.projection_position
    wanted = table.c.partition_id.in_(sorted(seen))
    rows = await connection.execute(select(table).where(wanted).order_by(table.c.partition_id).with_for_update())
    return Rows({row.partition_id: PositionRow(**row._mapping) for row in rows})


def _check_positions(partitions: set[int], reached: Rows[int, PositionRow]) -> None:
    """Check that each partition has a position row to lock. Raises StoreUnavailable."""
    if missing := partitions.difference(reached.keys()):
        raise StoreUnavailable(f"MySQL: set up for fewer partitions, without {sorted(missing)}")


async def _read(connection: AsyncConnection, messages: Sequence[AnyMessage]) -> Changes:
    tickets = [message.data for message in messages if isinstance(message, TicketPurchased | TicketCancelled)]
    holds = {
        message.data.hold
        for message in messages
        if isinstance(message, HoldMessage | TicketPurchased) and message.data.hold is not None
    }
    events = {message.data.event_id for message in messages if isinstance(message, EventScheduled)}
    venues = {message.data.venue_id for message in messages if isinstance(message, VenueDefined)}
    zone, zones = tables.zone_sales.c, {(data.event_id, data.zone_id) for data in tickets}
    ticket_id, event_id, venue_id = tables.ticket.c.ticket_id, tables.event.c.event_id, tables.venue.c.venue_id
    zone_rows = {
        **await _select(connection, ZoneRow, tables.zone_sales, tuple_(zone.event_id, zone.zone_id), zones),
        **await _select(connection, ZoneRow, tables.zone_sales, zone.event_id, events),
    }
    return Changes(
        tickets=Rows(
            await _select(connection, TicketRow, tables.ticket, ticket_id, {str(data.ticket_id) for data in tickets})
        ),
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
    """Return the rows whose `column` is one of `wanted`, by primary key."""
    if not wanted:
        return {}
    key = [column.name for column in table.primary_key]
    rows = await connection.execute(select(table).where(column.in_(sorted(wanted))))
    mappings = [row._mapping for row in rows]
    return {row[key[0]] if len(key) == 1 else tuple(row[name] for name in key): shape(**row) for row in mappings}


async def _write(connection: AsyncConnection, changes: Changes) -> None:
    await _write_rows(connection, tables.ticket, changes.tickets)
    await _write_rows(connection, tables.zone_sales, changes.zones)
    await _write_rows(connection, tables.held_seat, changes.held_seats)
    await _write_rows(connection, tables.venue, changes.venues)
    await _write_rows(connection, tables.event, changes.events)
    if zones := {(seat.event_id, seat.zone_id) for seat in changes.held_seats.new()}:
        await _delete_old_holds(connection, zones)


async def _write_rows(connection: AsyncConnection, table: Table, rows: Rows[Any, Any]) -> None:
    """Write the difference in at most two statements, for any number of rows."""
    if new := rows.new():
        await connection.execute(insert(table), [msgspec.structs.asdict(row) for row in new])
    if changed := rows.changed():
        await connection.execute(tables.update_rows(table), {"rows": msgspec.json.encode(changed).decode()})


async def _delete_old_holds(connection: AsyncConnection, zones: set[tuple[str, int]]) -> None:
    """Delete held seats whose hold ended long ago, so that the table does not grow with each hold.

    The retention is longer than any hold. A message that arrives after it is about a hold that has
    ended.
    """
    held = tables.held_seat.c
    long_ago = datetime.now(UTC).replace(tzinfo=None) - HELD_SEATS_RETENTION
    await connection.execute(
        delete(tables.held_seat)
        .where(tuple_(held.event_id, held.zone_id).in_(sorted(zones)), held.held_until < long_ago)
        .with_dialect_options(mysql_limit=HELD_SEATS_DELETED_AT_ONCE)
    )
