"""A read model, filled without message-terminal: each builder adds a default row.

A test overrides the columns that matter.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from contracts.position import Position
from contracts.timestamp import decode_timestamp
from message_terminal import tables
from sqlalchemy import Engine, NullPool, create_engine, make_url, text
from sqlalchemy.dialects.mysql import insert

PARTITIONS = 8
CREATED_ON = "2029-11-22T19:30:00.123456Z"
ZONES = [
    {"zoneId": 1, "priceCents": 2500, "rowCount": 5, "colCount": 8},
    {"zoneId": 2, "priceCents": 5000, "rowCount": 5, "colCount": 8},
]


def moment(timestamp: str) -> datetime:
    """Return a moment as MySQL stores it: UTC, without a zone."""
    return decode_timestamp(timestamp).replace(tzinfo=None)


def ticket_id(number: int) -> str:
    """Return an id; ids sort by number."""
    return str(UUID(int=(0x0198C5D2_7A31_7B2C_8F4E << 48) + number))


class ReadModel:
    """The tables of the read model, with a connection that may write."""

    def __init__(self, owner_url: str) -> None:
        url = make_url(owner_url).set(drivername="mysql+pymysql")
        self._engine: Engine = create_engine(url, poolclass=NullPool)

    def set_up(self) -> None:
        """Create the tables."""
        tables.metadata.create_all(self._engine)

    def empty(self) -> None:
        """Delete all rows, and all positions of partitions."""
        with self._engine.begin() as connection:
            for table in tables.metadata.sorted_tables:
                connection.execute(table.delete())
        self._add(tables.projection_position, [{"partition_id": number} for number in range(PARTITIONS)])

    def add_venue(self, venue_id: str = "Venue2", **columns: Any) -> None:
        """Add a venue with two zones."""
        row = {
            "venue_id": venue_id,
            "name": "The Little Stage",
            "city": "Vancouver",
            "currency": "USD",
            "zones": json.dumps(ZONES),
            "epoch": 1,
            "sequence": 0,
        }
        self._add(tables.venue, [{**row, **columns}])

    def add_event(self, event_id: str = "Event2", zones: Sequence[dict[str, int]] = ZONES, **columns: Any) -> None:
        """Add an event without sales."""
        row = {
            "event_id": event_id,
            "venue_id": "Venue2",
            "name": "An Evening for Few",
            "type": "concert",
            "date": date(2030, 1, 2),
            "currency": "USD",
            "epoch": 1,
            "sequence": 1,
        }
        self._add(tables.event, [{**row, **columns}])
        for zone in zones:
            self.add_zone(
                zone["zoneId"],
                event_id=event_id,
                row_count=zone["rowCount"],
                col_count=zone["colCount"],
                price_cents=zone["priceCents"],
            )

    def add_zone(self, zone_id: int, *, event_id: str = "Event2", **columns: Any) -> None:
        """Add a zone without sales, and without a definition except for `columns`."""
        row = {"event_id": event_id, "zone_id": zone_id, "sold_count": 0, "revenue_cents": 0}
        self._add(tables.zone_sales, [{**row, **columns}])

    def add_ticket(self, number: int = 1, **columns: Any) -> str:
        """Add a ticket, by default for seat 1b of zone 1, and return its id.

        The figures of its zone do not change.
        """
        self.add_tickets([{"number": number, **columns}])
        return ticket_id(number)

    def add_tickets(self, tickets: Sequence[dict[str, Any]]) -> None:
        """Add many tickets at once; each has a `number`, and the columns that matter."""
        row = {
            "event_id": "Event2",
            "venue_id": "Venue2",
            "zone_id": 1,
            "seat_row": 1,
            "seat_column": 2,
            "revision": 1,
            "status": "PAID",
            "price_cents": 2500,
            "currency": "USD",
            "created_on": moment(CREATED_ON),
        }
        self._add(
            tables.ticket,
            [
                {**row, "ticket_id": ticket_id(number), "generation": number, **columns}
                for number, columns in (_take_number(ticket) for ticket in tickets)
            ],
        )

    def add_held_seat(self, hold: int = 1, **columns: Any) -> None:
        """Hold a seat for a minute, by default seat 1b of zone 1."""
        row = {
            "hold_reference": f"{hold:032x}",
            "event_id": "Event2",
            "zone_id": 1,
            "seat_row": 1,
            "seat_column": 2,
            "status": "HELD",
            "held_until": datetime.now(UTC).replace(tzinfo=None) + timedelta(minutes=1),
            "epoch": 1,
            "sequence": 2,
        }
        self._add(tables.held_seat, [{**row, **columns}])

    def project(self, partition: int, position: str) -> None:
        """Set the projected position of a partition."""
        at = Position.parse(position)
        row = {"partition_id": partition, "epoch": at.epoch, "sequence": at.sequence}
        statement = insert(tables.projection_position).values(row)
        with self._engine.begin() as connection:
            connection.execute(statement.on_duplicate_key_update(epoch=at.epoch, sequence=at.sequence))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the tickets, so that nobody else reads them."""
        with self._engine.connect() as connection:
            connection.execute(text("LOCK TABLES ticket WRITE"))
            yield

    def _add(self, table: Any, rows: Sequence[dict[str, Any]]) -> None:
        with self._engine.begin() as connection:
            connection.execute(table.insert(), rows)


def _take_number(ticket: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    return ticket["number"], {name: value for name, value in ticket.items() if name != "number"}
