"""How the two stores are reached: with what deadlines, and when one of them counts as away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

import aioboto3
from aiobotocore.config import AioConfig
from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy import text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient

CONNECT_SECONDS = 3.0
DYNAMODB_READ_SECONDS = 5.0
TRANSACTION_SECONDS = 15.0
LOCK_WAIT_SECONDS = 5

_OF_THE_MESSAGE = frozenset({"ValidationException", "ItemCollectionSizeLimitExceededException"})


class StoreAway(Exception):
    """A store did not answer, or cannot do its work now: worth waiting for, whatever was asked of it."""


def open_mysql(url: str) -> AsyncEngine:
    """Prepare connections to the read model; none is made before it is needed."""
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
    """Connect to DynamoDB, at AWS when no address is given.

    Nothing is validated here before it is sent: for a hundred items that takes as long as all the rest.
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
async def asking_mysql() -> AsyncIterator[None]:
    """Bound what is done inside; raise StoreAway for every error that is not of the values that were sent."""
    try:
        async with asyncio.timeout(TRANSACTION_SECONDS):
            yield
    except (DataError, IntegrityError):
        raise
    except (SQLAlchemyError, OSError) as error:
        raise StoreAway(f"MySQL: {_first_words(error)}") from error


@asynccontextmanager
async def asking_dynamodb() -> AsyncIterator[None]:
    """Raise StoreAway for every error that is not of the values that were sent; deadlines are the client's."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] in _OF_THE_MESSAGE:
            raise
        raise StoreAway(f"DynamoDB: {error}") from error
    except (BotoCoreError, OSError) as error:
        raise StoreAway(f"DynamoDB: {_first_words(error)}") from error


async def ask_mysql(engine: AsyncEngine) -> None:
    """See whether it answers. Raises StoreAway."""
    async with asking_mysql(), engine.connect() as connection:
        await connection.execute(text("SELECT 1"))


async def ask_dynamodb(client: "DynamoDBClient", table: str) -> None:
    """See whether it answers and has this table. Raises StoreAway."""
    async with asking_dynamodb():
        await client.describe_table(TableName=table)


def is_duplicate(error: IntegrityError, key: str) -> bool:
    """Whether a row was refused because of this unique key."""
    code, reason = error.orig.args[:2] if error.orig else (None, "")
    return code == 1062 and f"{key}'" in reason


def _first_words(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return f"{type(cause).__name__} {cause}"[:300]
