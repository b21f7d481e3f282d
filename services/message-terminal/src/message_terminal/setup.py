"""Creates everything that messages need: queues or topics, and tables. Idempotent."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import alembic.command
from alembic.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from sqlalchemy import Connection, func, insert, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from message_terminal.brokers import UnusableTopology
from message_terminal.brokers.chosen import choose
from message_terminal.settings import Settings
from message_terminal.stores import StoreUnavailable, open_dynamodb, open_mysql
from message_terminal.tables import DYNAMODB_KEYS, projection_position

log = logging.getLogger(__name__)

WAIT_SECONDS = 60.0
STEP_SECONDS = 60.0
RETRY_SECONDS = 0.5

_RETRYABLE = (StoreUnavailable, OSError, SQLAlchemyError, BotoCoreError, ClientError)


class SetupFailed(Exception):
    """Something could not be created in time, or exists with other settings."""


async def set_up(settings: Settings) -> None:
    """Create queues or topics, MySQL's tables with a position row per partition, and DynamoDB's.

    Waits up to WAIT_SECONDS for each of the three stores to answer. Raises SetupFailed.
    """
    broker = choose(settings)
    await _step(broker.name, lambda: broker.declare(settings.partitions))
    await _step("MySQL", lambda: migrate(settings))
    await _step("DynamoDB", lambda: create_tables(settings))


async def _step(name: str, create: Callable[[], Awaitable[None]]) -> None:
    """Retry for up to WAIT_SECONDS; a starting store fails in many ways."""
    deadline = asyncio.get_running_loop().time() + WAIT_SECONDS
    while True:
        try:
            async with asyncio.timeout(STEP_SECONDS):
                await create()
            log.info("set up", extra={"store": name})
            return
        except UnusableTopology as error:
            raise SetupFailed(f"{name}: {error}") from error
        except _RETRYABLE as error:
            if asyncio.get_running_loop().time() > deadline:
                raise SetupFailed(f"{name}: {type(error).__name__} {error}") from error
            log.info("waiting for a store", extra={"store": name, "reason": str(error)})
        await asyncio.sleep(RETRY_SECONDS)


async def migrate(settings: Settings) -> None:
    """Migrate MySQL to the newest schema. Raises SetupFailed, SQLAlchemyError, OSError."""
    engine = open_mysql(settings.mysql_url)
    try:
        async with engine.connect() as connection:
            if await connection.scalar(text("SELECT GET_LOCK('message-terminal setup', 30)")) != 1:
                raise SetupFailed("MySQL: another setup is still running")
            await connection.run_sync(_upgrade)
            await _add_positions(connection, settings.partitions)
            await connection.commit()
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    configuration.attributes["connection"] = connection
    alembic.command.upgrade(configuration, "head")


async def _add_positions(connection: AsyncConnection, partitions: int) -> None:
    known = await connection.scalar(select(func.count()).select_from(projection_position))
    if known not in (0, partitions):
        raise SetupFailed(f"MySQL: set up for {known} partitions, not for {partitions}")
    if not known:
        await connection.execute(
            insert(projection_position), [{"partition_id": partition} for partition in range(partitions)]
        )


async def create_tables(settings: Settings) -> None:
    """Create the missing DynamoDB tables. Raises BotoCoreError, ClientError, OSError."""
    async with open_dynamodb(settings.dynamodb_url) as client:
        for name, keys in DYNAMODB_KEYS.items():
            table = settings.dynamodb_prefix + name
            with suppress(client.exceptions.ResourceInUseException):
                await client.create_table(
                    TableName=table,
                    BillingMode="PAY_PER_REQUEST",
                    AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                    KeySchema=[
                        {"AttributeName": key, "KeyType": "RANGE" if place else "HASH"}
                        for place, key in enumerate(keys)
                    ],
                )
            await client.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
