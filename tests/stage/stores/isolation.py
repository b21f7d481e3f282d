"""A place of its own for each test in a store that others use too; it is gone afterwards."""

import secrets
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

import aioboto3
import httpx
import redis
import sqlalchemy
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from sqlalchemy import URL, Connection, NullPool, make_url, text
from sqlalchemy.exc import OperationalError

ANSWER_SECONDS = 5
# Longer than a group waits for a process of it that was killed.
EMPTY_SECONDS = 60
POLL_SECONDS = 0.1


def _unique(kind: str) -> str:
    return f"{kind}{secrets.token_hex(6)}"


@contextmanager
def empty_redis(url: str) -> Iterator[str]:
    """The session's Redis, flushed."""
    with redis.Redis.from_url(url) as client:
        client.flushall()
    yield url


@contextmanager
def vhost(url: str, management_url: str) -> Iterator[str]:
    """AMQP URL of a vhost of its own."""
    name = _unique("test")
    user = make_url(url).username
    with httpx.Client(base_url=management_url, timeout=30) as management:
        management.put(f"/api/vhosts/{name}").raise_for_status()
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        management.put(f"/api/permissions/{name}/{user}", json=everything).raise_for_status()
        yield url.rstrip("/") + f"/{name}"
        management.delete(f"/api/vhosts/{name}").raise_for_status()


@contextmanager
def empty_kafka(servers: str) -> Iterator[str]:
    """The session's Kafka, without topics and groups."""
    admin = AdminClient({"bootstrap.servers": servers})
    deadline = time.monotonic() + EMPTY_SECONDS
    while not _is_emptied(admin):
        assert time.monotonic() < deadline, "somebody holds on to a topic or a group"
        time.sleep(POLL_SECONDS)
    yield servers


def _is_emptied(admin: AdminClient) -> bool:
    """Delete what there is; whether there was nothing."""
    groups = [group.group_id for group in admin.list_consumer_groups().result(ANSWER_SECONDS).valid]
    topics = [name for name in admin.list_topics(timeout=ANSWER_SECONDS).topics if not name.startswith("__")]
    deletions = [
        *(admin.delete_consumer_groups(groups) if groups else {}).values(),
        *(admin.delete_topics(topics) if topics else {}).values(),
    ]
    for deletion in deletions:
        with suppress(KafkaException):  # a topic goes already, or a group still waits for a process that was killed
            deletion.result(ANSWER_SECONDS)
    return not deletions


@dataclass(frozen=True, kw_only=True)
class Database:
    """A database of its own: as its owner sees it, and as a user who may only SELECT does."""

    url: str
    query_url: str


@contextmanager
def database(admin_url: str) -> Iterator[Database]:
    """A database of its own, with two users."""
    admin = make_url(admin_url).set(drivername="mysql+pymysql")
    name, owner, reader = _unique("test"), _unique("owner"), _unique("reader")
    engine = sqlalchemy.create_engine(admin, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"))
        _create_user(connection, owner, "ALL", name)
        _create_user(connection, reader, "SELECT", name)
        yield Database(url=_as_user(admin, owner, name), query_url=_as_user(admin, reader, name))
        for user in (owner, reader):
            _end_sessions(connection, user)
            connection.execute(text(f"DROP USER {user}"))
        connection.execute(text(f"DROP DATABASE {name}"))


def _create_user(connection: Connection, user: str, rights: str, database_name: str) -> None:
    connection.execute(text(f"CREATE USER {user} IDENTIFIED BY '{user}'"))
    connection.execute(text(f"GRANT {rights} ON {database_name}.* TO {user}"))


def _as_user(admin: URL, user: str, database_name: str) -> str:
    url = admin.set(drivername="mysql+aiomysql", username=user, password=user, database=database_name)
    return url.render_as_string(hide_password=False)


def _end_sessions(connection: Connection, user: str) -> None:
    """A transaction that a test left open would make DROP DATABASE wait for it."""
    sessions = connection.scalars(
        text("SELECT id FROM information_schema.processlist WHERE user = :user"), {"user": user}
    )
    for session in sessions.all():
        with suppress(OperationalError):  # it has ended by itself since
            connection.execute(text(f"KILL {session}"))


@dataclass(frozen=True, kw_only=True)
class Tables:
    """DynamoDB's endpoint, and what to put before the names of a test's tables."""

    url: str
    prefix: str


@asynccontextmanager
async def tables(url: str) -> AsyncIterator[Tables]:
    """A prefix of its own."""
    own = Tables(url=url, prefix=_unique("test") + ".")
    yield own
    async with aioboto3.Session().client("dynamodb", endpoint_url=url) as client:
        async for page in client.get_paginator("list_tables").paginate():
            for name in page["TableNames"]:
                if name.startswith(own.prefix):
                    await client.delete_table(TableName=name)
