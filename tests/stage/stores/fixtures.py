"""The stores as fixtures: a server of each kind for the session, in it a place for each test.

A plugin and not a conftest.py, so that the folders that load it share the servers of the session.
"""

from collections.abc import AsyncIterator, Iterator

import pytest
from infra_local.running import RunningServer
from infra_local.servers import AWS_ENVIRONMENT

from tests.stage.brokers import Broker, KafkaBroker, RabbitMQBroker
from tests.stage.stores import isolation, stores
from tests.stage.stores.isolation import Database, Tables


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """URL of the session's Redis."""
    with stores.found(stores.REDIS) as (url,):
        yield url


@pytest.fixture(scope="session")
def rabbitmq_server() -> Iterator[tuple[str, str]]:
    """AMQP and management URL of the session's RabbitMQ."""
    with stores.found(stores.RABBITMQ) as (url, management_url):
        yield url, management_url


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[str]:
    """Bootstrap servers of the session's Kafka."""
    with stores.found(stores.KAFKA) as (servers,):
        yield servers


@pytest.fixture(scope="session")
def mysql_server() -> Iterator[str]:
    """URL of an administrator of the session's MySQL."""
    with stores.found(stores.MYSQL) as (url,):
        yield url


@pytest.fixture(scope="session")
def dynamodb_server() -> Iterator[str]:
    """URL of the session's DynamoDB."""
    with stores.found(stores.DYNAMODB) as (url,):
        yield url


@pytest.fixture
def redis_url(redis_server: str) -> Iterator[str]:
    """An empty Redis."""
    with isolation.empty_redis(redis_server) as url:
        yield url


@pytest.fixture
def rabbitmq_url(rabbitmq_server: tuple[str, str]) -> Iterator[str]:
    """A RabbitMQ vhost of its own."""
    with isolation.vhost(*rabbitmq_server) as url:
        yield url


@pytest.fixture
def kafka_servers(request: pytest.FixtureRequest) -> Iterator[str]:
    """Bootstrap servers of an empty Kafka.

    A private one starts so fast that each test has its own.
    """
    if stores.is_private(stores.KAFKA):
        running: RunningServer = request.getfixturevalue("private_kafka")
        yield running.url
    else:
        with isolation.empty_kafka(request.getfixturevalue("kafka_server")) as servers:
            yield servers


@pytest.fixture
def rabbitmq_broker(rabbitmq_url: str) -> Broker:
    """A place of its own on RabbitMQ."""
    return RabbitMQBroker(rabbitmq_url)


@pytest.fixture
def kafka_broker(kafka_servers: str) -> Broker:
    """A place of its own on Kafka."""
    weaker = {"KAFKA_IDEMPOTENCE": "false"} if stores.is_private(stores.KAFKA) else {}
    return KafkaBroker(kafka_servers, {"KAFKA_REPLICATION": "1", **weaker})


@pytest.fixture
def broker(request: pytest.FixtureRequest) -> Broker:
    """A place of its own on the broker that the test is for."""
    own: Broker = request.getfixturevalue(f"{request.param}_broker")
    return own


@pytest.fixture
def database(mysql_server: str) -> Iterator[Database]:
    """A MySQL database of its own."""
    with isolation.database(mysql_server) as own:
        yield own


@pytest.fixture
def mysql_url(database: Database) -> str:
    """The test's database, as its owner: `mysql+aiomysql://…`."""
    return database.url


@pytest.fixture
def query_mysql_url(database: Database) -> str:
    """The same database, as a user who may only SELECT."""
    return database.query_url


@pytest.fixture
def aws_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of boto, in this test and the processes that it starts."""
    for name, value in AWS_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
async def dynamodb(dynamodb_server: str, aws_environment: None) -> AsyncIterator[Tables]:  # noqa: ARG001
    """DynamoDB with a table prefix of its own."""
    async with isolation.tables(dynamodb_server) as own:
        yield own


@pytest.fixture
def private_redis() -> Iterator[RunningServer]:
    """A Redis of its own, to be killed, paused and restarted."""
    with stores.private_instance(stores.REDIS) as running:
        yield running


@pytest.fixture
def private_rabbitmq() -> Iterator[RunningServer]:
    """A RabbitMQ of its own, to be killed, paused and restarted."""
    with stores.private_instance(stores.RABBITMQ) as running:
        yield running


@pytest.fixture
def private_kafka() -> Iterator[RunningServer]:
    """A Kafka of its own, to be killed, paused and restarted; a kill or restart loses its data."""
    with stores.private_instance(stores.KAFKA) as running:
        yield running


@pytest.fixture
def private_mysql() -> Iterator[RunningServer]:
    """A MariaDB of its own, to be killed, paused and restarted."""
    with stores.private_instance(stores.MYSQL) as running:
        yield running


@pytest.fixture
def private_dynamodb(aws_environment: None) -> Iterator[RunningServer]:  # noqa: ARG001
    """A DynamoDB of its own, to be killed, paused and restarted. A kill loses its data."""
    with stores.private_instance(stores.DYNAMODB) as running:
        yield running
