"""The read model as first released."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None


def _characters(length: int) -> mysql.CHAR:
    return mysql.CHAR(length, charset="ascii", collation="ascii_bin")


def _name(length: int) -> mysql.VARCHAR:
    return mysql.VARCHAR(length, charset="ascii", collation="ascii_bin")


def _words() -> mysql.TEXT:
    return mysql.TEXT(charset="utf8mb4", collation="utf8mb4_bin")


def upgrade() -> None:
    """Create the tables; those that an interrupted setup created are left as they are."""
    op.create_table(
        "ticket",
        sa.Column("ticket_id", _characters(36), primary_key=True),
        sa.Column("event_id", _name(64), nullable=False),
        sa.Column("venue_id", _name(64), nullable=False),
        sa.Column("zone_id", sa.Integer, nullable=False),
        sa.Column("seat_row", mysql.SMALLINT(unsigned=True), nullable=False),
        sa.Column("seat_column", mysql.SMALLINT(unsigned=True), nullable=False),
        sa.Column("generation", mysql.INTEGER(unsigned=True), nullable=False),
        sa.Column("revision", mysql.SMALLINT(unsigned=True), nullable=False),
        sa.Column("status", _name(16), nullable=False),
        sa.Column("price_cents", sa.BigInteger, nullable=False),
        sa.Column("currency", _characters(3), nullable=False),
        sa.Column("created_on", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("cancelled_on", mysql.DATETIME(fsp=6)),
        sa.UniqueConstraint("event_id", "zone_id", "seat_row", "seat_column", "generation", name="seat_sale"),
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    if not sa.inspect(op.get_bind()).has_index("ticket", "ticket_of_event"):
        op.create_index("ticket_of_event", "ticket", ["event_id", "ticket_id"])
    op.create_table(
        "zone_sales",
        sa.Column("event_id", _name(64), primary_key=True),
        sa.Column("zone_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("row_count", sa.Integer),
        sa.Column("col_count", sa.Integer),
        sa.Column("price_cents", sa.BigInteger),
        sa.Column("sold_count", sa.Integer, nullable=False),
        sa.Column("revenue_cents", sa.BigInteger, nullable=False),
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    op.create_table(
        "venue",
        sa.Column("venue_id", _name(64), primary_key=True),
        sa.Column("name", _words()),
        sa.Column("city", _words()),
        sa.Column("currency", _characters(3), nullable=False),
        sa.Column("zones", mysql.MEDIUMTEXT(charset="utf8mb4", collation="utf8mb4_bin"), nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    op.create_table(
        "event",
        sa.Column("event_id", _name(64), primary_key=True),
        sa.Column("venue_id", _name(64), nullable=False),
        sa.Column("name", _words(), nullable=False),
        sa.Column("type", _words(), nullable=False),
        sa.Column("date", sa.Date, nullable=False),
        sa.Column("currency", _characters(3), nullable=False),
        sa.Column("sales_open_at", mysql.DATETIME(fsp=6)),
        sa.Column("sales_close_at", mysql.DATETIME(fsp=6)),
        sa.Column("max_seats_per_customer", sa.BigInteger),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    op.create_table(
        "projection_position",
        sa.Column("partition_id", mysql.SMALLINT(unsigned=True), primary_key=True, autoincrement=False),
        sa.Column("epoch", sa.BigInteger),
        sa.Column("sequence", sa.BigInteger),
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    op.create_table(
        "parked_message",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=True),
        sa.Column("model", _name(8), nullable=False),
        sa.Column("fingerprint", mysql.BINARY(32), nullable=False),
        sa.Column("message_type", mysql.VARCHAR(64, charset="utf8mb4", collation="utf8mb4_bin")),
        sa.Column("partition_id", sa.BigInteger),
        sa.Column("epoch", sa.BigInteger),
        sa.Column("sequence", sa.BigInteger),
        sa.Column("reason", _words(), nullable=False),
        sa.Column("first_parked_on", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("last_parked_on", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("times", sa.Integer, nullable=False),
        sa.Column("body", mysql.MEDIUMBLOB, nullable=False),
        sa.UniqueConstraint("model", "fingerprint", name="parked_once"),
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
