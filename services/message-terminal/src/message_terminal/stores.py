"""Connections to MySQL and DynamoDB: their timeouts, and which errors mean "unavailable"."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

import aioboto3
from aiobotocore.config import AioConfig
from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient

CONNECT_SECONDS = 3.0
DYNAMODB_READ_SECONDS = 5.0
TRANSACTION_SECONDS = 15.0
LOCK_WAIT_SECONDS = 5

_DYNAMODB_INVALID_REQUEST = frozenset({"ValidationException", "ItemCollectionSizeLimitExceededException"})

_CLIENT_ERRORS = range(2000, 3000)
_MYSQL_UNAVAILABLE = frozenset(
    {
        0,  # not connected
        *(1040, 1041, 1047, 1053, 1077, 1078, 1079, 1129, 1130, 1152, 1203, 1226, 1317, 1927, 1969, 3024, 3168, 4031),
        *(1158, 1159, 1160, 1161, 1184),  # network
        *(1044, 1045, 1049, 1142, 1143),  # access denied
        *(1054, 1146),  # setup has not run yet
        *(1021, 1030, 1037, 1038, 1114, 1206),  # full
        *(1180, 1205, 1213, 1290, 1792, 1836, 3100, 3101),  # locked, read-only, or not the leader
    }
)
"""MySQL and MariaDB errors that do not depend on the values sent; a message causes any other."""


class StoreUnavailable(Exception):
    """A store that does not answer or cannot work now; the same request may succeed later."""


def open_mysql(url: str) -> AsyncEngine:
    """Create a connection pool for MySQL; it connects on first use."""
    return create_async_engine(
        url,
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,
        pool_size=4,
        max_overflow=0,
        pool_timeout=CONNECT_SECONDS,
        hide_parameters=True,
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "charset": "utf8mb4",
            "init_command": f"SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION',"
            f" innodb_lock_wait_timeout = {LOCK_WAIT_SECONDS}",
        },
    )


def open_dynamodb(url: str | None) -> AbstractAsyncContextManager["DynamoDBClient"]:
    """Create a DynamoDB client, for AWS if no address is given.

    Client-side validation is off: for a hundred items it takes as long as the rest of the call.
    """
    config = AioConfig(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=DYNAMODB_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 2},
        max_pool_connections=16,
        parameter_validation=False,
    )
    return aioboto3.Session().client("dynamodb", endpoint_url=url, config=config)


@asynccontextmanager
async def calling_mysql() -> AsyncIterator[None]:
    """Limit the block to TRANSACTION_SECONDS and translate its errors.

    Raises StoreUnavailable for errors that the values sent did not cause; others pass unchanged.
    """
    try:
        async with asyncio.timeout(TRANSACTION_SECONDS):
            yield
    except (SQLAlchemyError, OSError) as error:
        if not _is_mysql_unavailable(error):
            raise
        raise StoreUnavailable(f"MySQL: {_shortened(error)}") from error


@asynccontextmanager
async def calling_dynamodb() -> AsyncIterator[None]:
    """Translate the block's errors; the client has its own timeouts.

    Raises StoreUnavailable for errors that the values sent did not cause; others pass unchanged.
    """
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] in _DYNAMODB_INVALID_REQUEST:
            raise
        raise StoreUnavailable(f"DynamoDB: {error}") from error
    except (BotoCoreError, OSError) as error:
        raise StoreUnavailable(f"DynamoDB: {_shortened(error)}") from error


async def ping_mysql(engine: AsyncEngine) -> None:
    """Check that MySQL answers. Raises StoreUnavailable."""
    async with calling_mysql(), engine.connect() as connection:
        await connection.execute(text("SELECT 1"))


async def ping_dynamodb(client: "DynamoDBClient", table: str) -> None:
    """Check that DynamoDB answers and has this table. Raises StoreUnavailable."""
    async with calling_dynamodb():
        await client.describe_table(TableName=table)


def is_duplicate(error: IntegrityError, key: str) -> bool:
    """Whether a row violates this unique key."""
    code, reason = error.orig.args[:2] if error.orig else (None, "")
    return code == 1062 and f"{key}'" in reason


def _is_mysql_unavailable(error: SQLAlchemyError | OSError) -> bool:
    if not isinstance(error, DBAPIError) or error.orig is None or error.connection_invalidated:
        return True
    code = error.orig.args[0] if error.orig.args else None
    return not isinstance(code, int) or code in _CLIENT_ERRORS or code in _MYSQL_UNAVAILABLE


def _shortened(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return f"{type(cause).__name__} {cause}"[:300]
