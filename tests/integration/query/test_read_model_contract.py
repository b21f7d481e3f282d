"""The read model, as message-terminal's migrations create it, fits the query service.

It has the columns and indexes that query needs, and query's user may only read.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from message_terminal.settings import Settings
from message_terminal.setup import migrate
from query.tables import SEAT_SALE, read_model
from sqlalchemy import Connection, Date, DateTime, Integer, NullPool, String, create_engine, inspect, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.types import TypeEngine

from tests.stage.stores import isolation

PARTITIONS = 8
KINDS = {String: "text", Integer: "whole number", Date: "day", DateTime: "moment"}
MICROSECOND_DIGITS = 6
IDS = ("ticket_id", "event_id", "venue_id")
ACCESS_DENIED = (1142, 1044)
# The columns by which the statements look up rows and order pages.
LOOKUP_COLUMNS = [
    ("ticket", ["ticket_id"]),
    ("ticket", ["event_id", "ticket_id"]),
    ("ticket", ["event_id", "zone_id", "seat_row"]),
    ("held_seat", ["event_id", "zone_id", "held_until", "status", "seat_row", "seat_column"]),
    ("zone_sales", ["event_id", "zone_id"]),
    ("venue", ["venue_id"]),
    ("event", ["event_id"]),
    ("projection_position", ["partition_id"]),
]


@pytest.fixture(scope="module")
def reader(mysql_server: str) -> Iterator[Connection]:
    """Connect as the query service's user to a migrated database."""
    with isolation.database(mysql_server) as database:
        settings = Settings(mysql_url=database.url, rabbitmq_url="amqp://unused", partitions=PARTITIONS)
        asyncio.run(migrate(settings))
        url = make_url(database.query_url).set(drivername="mysql+pymysql")
        with create_engine(url, poolclass=NullPool).connect() as connection:
            yield connection


def stored_columns(reader: Connection, table: str) -> dict[str, Any]:
    """Return MySQL's description of the columns, keyed by name."""
    return {column["name"]: column for column in inspect(reader).get_columns(table)}


def kind_of(column_type: TypeEngine[Any]) -> str:
    """Name the kind of values of this type, ignoring its size."""
    return next(word for kind, word in KINDS.items() if isinstance(column_type, kind))


@pytest.mark.parametrize("table", read_model.tables)
def test_every_column_that_is_read_exists_with_its_type(reader: Connection, table: str) -> None:
    stored = stored_columns(reader, table)
    read = read_model.tables[table].columns

    assert {column.name: kind_of(column.type) for column in read} == {
        column.name: kind_of(stored[column.name]["type"]) for column in read if column.name in stored
    }


@pytest.mark.parametrize("table", read_model.tables)
def test_a_column_that_is_read_as_not_null_is_not_null(reader: Connection, table: str) -> None:
    stored = stored_columns(reader, table)

    never_null = [column.name for column in read_model.tables[table].columns if not column.nullable]

    assert [name for name in never_null if stored[name]["nullable"]] == []


@pytest.mark.parametrize("table", read_model.tables)
def test_times_keep_their_microseconds(reader: Connection, table: str) -> None:
    stored = stored_columns(reader, table)

    moments = [column.name for column in read_model.tables[table].columns if isinstance(column.type, DateTime)]

    assert {name: stored[name]["type"].fsp for name in moments} == dict.fromkeys(moments, MICROSECOND_DIGITS)


@pytest.mark.parametrize("table", read_model.tables)
def test_ids_are_compared_byte_by_byte(reader: Connection, table: str) -> None:
    stored = stored_columns(reader, table)

    ids = [column.name for column in read_model.tables[table].columns if column.name in IDS]

    assert {name: stored[name]["type"].collation for name in ids} == dict.fromkeys(ids, "ascii_bin")


@pytest.mark.parametrize(("table", "columns"), LOOKUP_COLUMNS)
def test_every_lookup_has_an_index(reader: Connection, table: str, columns: list[str]) -> None:
    catalogue = inspect(reader)
    indexes: list[Sequence[str | None]] = [index["column_names"] for index in catalogue.get_indexes(table)]
    indexes.append(catalogue.get_pk_constraint(table)["constrained_columns"])

    assert columns in [index[: len(columns)] for index in indexes]


def test_the_index_that_a_statement_names_begins_with_event_and_zone(reader: Connection) -> None:
    (index,) = (index for index in inspect(reader).get_indexes("ticket") if index["name"] == SEAT_SALE)

    assert index["column_names"][:3] == ["event_id", "zone_id", "seat_row"]


def test_there_is_a_position_for_each_partition(reader: Connection) -> None:
    partitions = reader.scalars(text("SELECT partition_id FROM projection_position ORDER BY partition_id")).all()

    assert partitions == list(range(PARTITIONS))


@pytest.mark.parametrize("table", read_model.tables)
def test_the_reader_may_select_and_do_nothing_else(reader: Connection, table: str) -> None:
    read = read_model.tables[table]
    [column, *_] = read.columns

    reader.execute(read.select().limit(1))

    for refused in (
        read.insert().values({column: None}),
        read.update().values({column: column}),
        read.delete(),
        text(f"TRUNCATE {table}"),
        text(f"ALTER TABLE {table} DROP COLUMN {column.name}"),
        text(f"DROP TABLE {table}"),
        text(f"CREATE TABLE another_{table} (id INT)"),
    ):
        with pytest.raises(OperationalError) as failure:
            reader.execute(refused)
        assert failure.value.orig is not None
        assert failure.value.orig.args[0] in ACCESS_DENIED
