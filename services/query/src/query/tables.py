"""The columns of the read model that this service reads.

message-terminal owns the tables, which have more columns.
"""

from sqlalchemy import BigInteger, Column, Date, DateTime, Integer, MetaData, SmallInteger, String, Table, Text

read_model = MetaData()

SEAT_SALE = "seat_sale"
"""The index of `ticket` that begins with event, zone, row and column."""

ticket = Table(
    "ticket",
    read_model,
    Column("ticket_id", String, nullable=False),
    Column("event_id", String, nullable=False),
    Column("venue_id", String, nullable=False),
    Column("zone_id", Integer, nullable=False),
    Column("seat_row", SmallInteger, nullable=False),
    Column("seat_column", SmallInteger, nullable=False),
    Column("status", String, nullable=False),
    Column("price_cents", BigInteger, nullable=False),
    Column("currency", String, nullable=False),
    Column("created_on", DateTime, nullable=False),
)

zone_sales = Table(
    "zone_sales",
    read_model,
    Column("event_id", String, nullable=False),
    Column("zone_id", Integer, nullable=False),
    Column("row_count", Integer),
    Column("col_count", Integer),
    Column("price_cents", BigInteger),
    Column("sold_count", Integer, nullable=False),
    Column("revenue_cents", BigInteger, nullable=False),
)
"""Geometry and price are NULL while the zone is not part of the projected event.

Its sold count and revenue are valid even then.
"""

held_seat = Table(
    "held_seat",
    read_model,
    Column("event_id", String, nullable=False),
    Column("zone_id", Integer, nullable=False),
    Column("seat_row", SmallInteger, nullable=False),
    Column("seat_column", SmallInteger, nullable=False),
    Column("status", String, nullable=False),
    Column("held_until", DateTime, nullable=False),
)
"""One row per hold and seat, kept after the hold has ended.

A seat is free once `held_until` has passed, even if its row still says HELD.
"""

venue = Table(
    "venue",
    read_model,
    Column("venue_id", String, nullable=False),
    Column("name", String),
    Column("city", String),
    Column("currency", String, nullable=False),
    Column("zones", Text, nullable=False),
)
"""`zones` is JSON: the list of `contracts.catalogue.Zone` as in the message."""

event = Table(
    "event",
    read_model,
    Column("event_id", String, nullable=False),
    Column("venue_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("type", String, nullable=False),
    Column("date", Date, nullable=False),
    Column("currency", String, nullable=False),
    Column("sales_open_at", DateTime),
    Column("sales_close_at", DateTime),
    Column("max_seats_per_customer", Integer),
)

projection_position = Table(
    "projection_position",
    read_model,
    Column("partition_id", SmallInteger, nullable=False),
    Column("epoch", BigInteger),
    Column("sequence", BigInteger),
)
"""The last projected position of each partition; NULL, NULL before the first."""
