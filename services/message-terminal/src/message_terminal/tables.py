"""The tables of both models: MySQL's after all migrations, and the keys of DynamoDB's."""

from functools import cache

from sqlalchemy import BigInteger, Column, Date, Index, Integer, MetaData, Table, TextClause, UniqueConstraint, text
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects.mysql import BINARY, CHAR, DATETIME, INTEGER, MEDIUMBLOB, MEDIUMTEXT, SMALLINT, TEXT, VARCHAR

metadata = MetaData()


def _characters(length: int) -> CHAR:
    return CHAR(length, charset="ascii", collation="ascii_bin")


def _name(length: int) -> VARCHAR:
    return VARCHAR(length, charset="ascii", collation="ascii_bin")


def _words() -> TEXT:
    return TEXT(charset="utf8mb4", collation="utf8mb4_bin")


ticket = Table(
    "ticket",
    metadata,
    Column("ticket_id", _characters(36), primary_key=True),
    Column("event_id", _name(64), nullable=False),
    Column("venue_id", _name(64), nullable=False),
    Column("zone_id", Integer, nullable=False),
    Column("seat_row", SMALLINT(unsigned=True), nullable=False),
    Column("seat_column", SMALLINT(unsigned=True), nullable=False),
    Column("generation", INTEGER(unsigned=True), nullable=False),
    Column("revision", SMALLINT(unsigned=True), nullable=False),
    Column("status", _name(16), nullable=False),
    Column("price_cents", BigInteger, nullable=False),
    Column("currency", _characters(3), nullable=False),
    Column("created_on", DATETIME(fsp=6), nullable=False),
    Column("cancelled_on", DATETIME(fsp=6)),
    UniqueConstraint("event_id", "zone_id", "seat_row", "seat_column", "generation", name="seat_sale"),
    Index("ticket_of_event", "event_id", "ticket_id"),
    mysql_engine="InnoDB",
)

zone_sales = Table(
    "zone_sales",
    metadata,
    Column("event_id", _name(64), primary_key=True),
    Column("zone_id", Integer, primary_key=True, autoincrement=False),
    Column("row_count", Integer),
    Column("col_count", Integer),
    Column("price_cents", BigInteger),
    Column("sold_count", Integer, nullable=False),
    Column("revenue_cents", BigInteger, nullable=False),
    mysql_engine="InnoDB",
)

held_seat = Table(
    "held_seat",
    metadata,
    Column("hold_reference", _characters(32), primary_key=True),
    Column("event_id", _name(64), nullable=False),
    Column("zone_id", Integer, primary_key=True, autoincrement=False),
    Column("seat_row", SMALLINT(unsigned=True), primary_key=True, autoincrement=False),
    Column("seat_column", SMALLINT(unsigned=True), primary_key=True, autoincrement=False),
    Column("status", _name(16), nullable=False),
    Column("held_until", DATETIME(fsp=6), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Index("held_in_zone", "event_id", "zone_id", "held_until", "status", "seat_row", "seat_column"),
    mysql_engine="InnoDB",
)
"""One row per hold and seat. With one row per seat, a release that arrives before its hold could
not be distinguished from a late release of the previous hold. The index covers the query for a seat
map."""

venue = Table(
    "venue",
    metadata,
    Column("venue_id", _name(64), primary_key=True),
    Column("name", _words()),
    Column("city", _words()),
    Column("currency", _characters(3), nullable=False),
    Column("zones", MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin"), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    mysql_engine="InnoDB",
)

event = Table(
    "event",
    metadata,
    Column("event_id", _name(64), primary_key=True),
    Column("venue_id", _name(64), nullable=False),
    Column("name", _words(), nullable=False),
    Column("type", _words(), nullable=False),
    Column("date", Date, nullable=False),
    Column("currency", _characters(3), nullable=False),
    Column("sales_open_at", DATETIME(fsp=6)),
    Column("sales_close_at", DATETIME(fsp=6)),
    Column("max_seats_per_customer", BigInteger),
    Column("epoch", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    mysql_engine="InnoDB",
)

projection_position = Table(
    "projection_position",
    metadata,
    Column("partition_id", SMALLINT(unsigned=True), primary_key=True, autoincrement=False),
    Column("epoch", BigInteger),
    Column("sequence", BigInteger),
    mysql_engine="InnoDB",
)

parked_message = Table(
    "parked_message",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("model", _name(8), nullable=False),
    Column("fingerprint", BINARY(32), nullable=False),
    Column("message_type", VARCHAR(64, charset="utf8mb4", collation="utf8mb4_bin")),
    Column("partition_id", BigInteger),
    Column("epoch", BigInteger),
    Column("sequence", BigInteger),
    Column("reason", _words(), nullable=False),
    Column("first_parked_on", DATETIME(fsp=6), nullable=False),
    Column("last_parked_on", DATETIME(fsp=6), nullable=False),
    Column("times", Integer, nullable=False),
    Column("body", MEDIUMBLOB, nullable=False),
    UniqueConstraint("model", "fingerprint", name="parked_once"),
    mysql_engine="InnoDB",
)


@cache
def update_rows(table: Table) -> TextClause:
    """Return an UPDATE of any number of whole rows, given as a JSON array in `:rows`.

    The drivers would send one statement for each row. This is a single statement, and its text does
    not depend on the number of rows.
    """
    key = [column.name for column in table.primary_key]
    rest = [column.name for column in table.columns if column.name not in key]
    shapes = ", ".join(
        f"`{column.name}` {column.type.compile(mysql.dialect())} PATH '$.{column.name}' ERROR ON ERROR"
        for column in table.columns
    )
    return text(
        f"UPDATE `{table.name}` JOIN JSON_TABLE(:rows, '$[*]' COLUMNS ({shapes})) AS changed"  # noqa: S608 - our names
        f" ON {' AND '.join(f'changed.`{name}` = `{table.name}`.`{name}`' for name in key)}"
        f" SET {', '.join(f'`{table.name}`.`{name}` = changed.`{name}`' for name in rest)}"
    )


TICKETS = "Tickets"
SEATS = "Seats"
CATALOG = "Catalog"

DYNAMODB_KEYS: dict[str, list[str]] = {
    TICKETS: ["ticketId"],
    SEATS: ["eventId#zoneId", "row#column"],
    CATALOG: ["kind", "id"],
}
"""The hash key, and the range key if any, of each table of the write model; all are strings."""
