"""The table of held seats."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"


def _characters(length: int) -> mysql.CHAR:
    return mysql.CHAR(length, charset="ascii", collation="ascii_bin")


def _name(length: int) -> mysql.VARCHAR:
    return mysql.VARCHAR(length, charset="ascii", collation="ascii_bin")


def upgrade() -> None:
    """Create the table and its index, unless an interrupted setup created them."""
    op.create_table(
        "held_seat",
        sa.Column("hold_reference", _characters(32), primary_key=True),
        sa.Column("event_id", _name(64), nullable=False),
        sa.Column("zone_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("seat_row", mysql.SMALLINT(unsigned=True), primary_key=True, autoincrement=False),
        sa.Column("seat_column", mysql.SMALLINT(unsigned=True), primary_key=True, autoincrement=False),
        sa.Column("status", _name(16), nullable=False),
        sa.Column("held_until", mysql.DATETIME(fsp=6), nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        mysql_engine="InnoDB",
        if_not_exists=True,
    )
    if not sa.inspect(op.get_bind()).has_index("held_seat", "held_in_zone"):
        op.create_index(
            "held_in_zone", "held_seat", ["event_id", "zone_id", "held_until", "status", "seat_row", "seat_column"]
        )
