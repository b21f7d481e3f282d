"""The terminal's projectors on real stores, and the environment of a terminal process."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from contracts.ticket import TicketRejected
from message_terminal import setup
from message_terminal.settings import Settings
from message_terminal.stores import open_dynamodb
from message_terminal.write_model.projector import WriteModelProjector
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.stage.brokers import Broker
from tests.stage.messages import PARTITIONS
from tests.stage.processes.terminal import Environment
from tests.stage.stores.isolation import Tables

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient


def pytest_configure(config: pytest.Config) -> None:
    """Load the fixtures of the read model's projector."""
    config.pluginmanager.import_plugin("tests.stage.stores.projector_fixtures")


@pytest.fixture
async def client(dynamodb: Tables, mysql_url: str) -> AsyncIterator["DynamoDBClient"]:
    """A client for DynamoDB with the write model's empty tables."""
    settings = Settings(
        rabbitmq_url="amqp://nowhere.invalid/",
        mysql_url=mysql_url,
        dynamodb_url=dynamodb.url,
        dynamodb_prefix=dynamodb.prefix,
    )
    await setup.create_tables(settings)
    async with open_dynamodb(dynamodb.url) as client:
        yield client


@pytest.fixture
def rejections() -> list[TicketRejected]:
    """The rejections sent to purchase."""
    return []


@pytest.fixture
def write_model(
    client: "DynamoDBClient", dynamodb: Tables, engine: AsyncEngine, rejections: list[TicketRejected]
) -> WriteModelProjector:
    """A projector onto that DynamoDB."""

    async def reject(message: TicketRejected) -> None:
        rejections.append(message)

    return WriteModelProjector(client, dynamodb.prefix, engine, reject)


@pytest.fixture
async def environment(broker: Broker, mysql_url: str, dynamodb: Tables) -> Environment:
    """The environment of a terminal process; queues or topics, and tables, exist."""
    environment = {
        **broker.settings,
        "MYSQL_URL": mysql_url,
        "DYNAMODB_URL": dynamodb.url,
        "DYNAMODB_PREFIX": dynamodb.prefix,
        "PARTITIONS": str(PARTITIONS),
    }
    await setup.set_up(Settings.read(environment))
    return environment
