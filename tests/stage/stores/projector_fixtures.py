"""The projector of the read model, on the MySQL of the session."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from message_terminal import setup
from message_terminal.read_model.projector import ReadModelProjector
from message_terminal.settings import Settings
from message_terminal.stores import open_mysql
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.stage.messages import PARTITIONS


@pytest.fixture
def read_settings(mysql_url: str) -> Settings:
    """Settings for the read model alone: the broker does not exist, and DynamoDB is not set."""
    return Settings(rabbitmq_url="amqp://nowhere.invalid/", mysql_url=mysql_url, partitions=PARTITIONS)


@pytest.fixture
async def engine(read_settings: Settings) -> AsyncIterator[AsyncEngine]:
    """An engine for an empty, migrated MySQL."""
    await setup.migrate(read_settings)
    async with AsyncExitStack() as stack:
        engine = open_mysql(read_settings.mysql_url)
        stack.push_async_callback(engine.dispose)
        yield engine


@pytest.fixture
def read_model(engine: AsyncEngine) -> ReadModelProjector:
    """A projector onto that MySQL."""
    return ReadModelProjector(engine)
