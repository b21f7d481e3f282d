"""The stores of the tests: a shared one is isolated for each test, a private one can be killed."""

import asyncio
from collections.abc import Sequence

import aioboto3
import pytest
import redis
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiormq.exceptions import ChannelNotFoundEntity
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from faststream.rabbit import RabbitBroker, RabbitQueue
from faststream.rabbit.schemas.queue import QueueType
from infra_local import debian
from infra_local.running import RunningServer
from sqlalchemy import NullPool, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import create_async_engine

from tests.stage.stores import isolation, stores
from tests.stage.stores.isolation import Tables
from tests.stage.stores.stores import Store

pytestmark = pytest.mark.starts_processes


@pytest.fixture
def nothing_from_debian(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the programs of Debian packages, and allow no installation."""
    monkeypatch.setattr(debian, "DEBIAN_FOLDERS", "/nowhere")
    monkeypatch.setattr(debian, "can_install", lambda: False)


async def execute(url: str, statement: str) -> Sequence[object]:
    """Run one statement and commit it; return its rows, if it has any."""
    async with create_async_engine(url, poolclass=NullPool).begin() as connection:
        result = await connection.execute(text(statement))
        return result.scalars().all() if result.returns_rows else []


async def create_table(tables: Tables) -> str:
    name = tables.prefix + "Things"
    async with aioboto3.Session().client("dynamodb", endpoint_url=tables.url) as client:
        await client.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    return name


async def table_names(url: str) -> list[str]:
    async with aioboto3.Session().client("dynamodb", endpoint_url=url) as client:
        return (await client.list_tables())["TableNames"]


async def send(servers: str, topic: str, messages: Sequence[bytes]) -> None:
    """Create this topic, of one partition, with these messages in it."""
    admin = AdminClient({"bootstrap.servers": servers})
    [creation] = admin.create_topics([NewTopic(topic, 1, 1)]).values()
    creation.result(timeout=10)
    async with AIOKafkaProducer(bootstrap_servers=servers, acks="all") as producer:
        for message in messages:
            await producer.send_and_wait(topic, message)


async def receive(servers: str, topic: str, count: int) -> list[bytes]:
    """Receive so many messages of a topic, from its beginning."""
    async with AIOKafkaConsumer(topic, bootstrap_servers=servers, auto_offset_reset="earliest") as consumer:
        return [(await asyncio.wait_for(consumer.getone(), 10)).value for _ in range(count)]


def topics(servers: str) -> set[str]:
    return {*AdminClient({"bootstrap.servers": servers}).list_topics(timeout=10).topics}


def groups(servers: str) -> set[str]:
    admin = AdminClient({"bootstrap.servers": servers})
    return {group.group_id for group in admin.list_consumer_groups().result(timeout=10).valid}


@pytest.mark.usefixtures("nothing_from_debian", "aws_environment")
@pytest.mark.parametrize("store", [stores.REDIS, stores.KAFKA, stores.DYNAMODB], ids=["redis", "kafka", "dynamodb"])
def test_a_store_from_pypi_starts_without_debian_packages(store: Store) -> None:
    with stores.private_instance(store) as running:
        assert running.server.ready()


@pytest.mark.usefixtures("nothing_from_debian")
@pytest.mark.parametrize(
    ("store", "package"),
    [(stores.RABBITMQ, "rabbitmq-server"), (stores.MYSQL, "mariadb-server")],
    ids=["rabbitmq", "mysql"],
)
def test_a_store_from_debian_asks_for_no_package_but_its_own(store: Store, package: str) -> None:
    with (
        pytest.raises(debian.ServersMissing, match=f"--no-install-recommends {package}$"),
        stores.private_instance(store),
    ):
        pass


def test_redis_has_each_answered_write_after_kill_9(private_redis: RunningServer) -> None:
    with redis.Redis.from_url(private_redis.url) as client:
        for seat in range(100):
            client.set(f"seat:{seat}", "sold")
    private_redis.kill()
    private_redis.start()
    with redis.Redis.from_url(private_redis.url) as client:
        assert client.dbsize() == 100


def test_redis_has_the_settings_that_the_seats_need(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        assert client.dbsize() == 0
        settings = client.config_get("append*", "maxmemory-policy", "hash-max-listpack-*", "save")
    assert (
        settings
        | {
            "appendonly": "yes",
            "appendfsync": "always",
            "maxmemory-policy": "noeviction",
            "hash-max-listpack-entries": "128",
            "hash-max-listpack-value": "256",
            "save": "",
        }
        == settings
    )


def test_a_paused_redis_keeps_its_connections_and_answers_after_it_is_resumed(private_redis: RunningServer) -> None:
    with redis.Redis.from_url(private_redis.url, socket_timeout=0.2, retry=None) as client:
        client.ping()
        private_redis.pause()
        with pytest.raises(redis.TimeoutError):
            client.ping()
        private_redis.resume()
        assert client.ping()


async def test_a_durable_message_survives_a_clean_restart_of_the_broker(private_rabbitmq: RunningServer) -> None:
    queue = RabbitQueue("seats", queue_type=QueueType.QUORUM, durable=True)
    async with RabbitBroker(private_rabbitmq.url) as broker:
        await broker.declare_queue(queue)
        await broker.publish("sold", "seats", persist=True)
    private_rabbitmq.restart()
    async with RabbitBroker(private_rabbitmq.url) as broker:
        declared = await broker.declare_queue(queue)
        message = await declared.get(timeout=10, fail=True)
        assert message is not None
        assert message.body == b"sold"


async def test_each_test_has_its_own_vhost(rabbitmq_url: str, rabbitmq_server: tuple[str, str]) -> None:
    async with RabbitBroker(rabbitmq_url) as broker:
        await broker.declare_queue(RabbitQueue("seats"))
    with isolation.vhost(*rabbitmq_server) as another:
        async with RabbitBroker(another) as broker:
            with pytest.raises(ChannelNotFoundEntity):
                await broker.declare_queue(RabbitQueue("seats", declare=False))


async def test_kafka_delivers_acknowledged_messages_in_order_and_loses_them_when_it_stops(
    private_kafka: RunningServer,
) -> None:
    """Kafka has them in memory only. A test that needs them later must store them elsewhere."""
    await send(private_kafka.url, "seats", [b"held", b"sold"])
    assert await receive(private_kafka.url, "seats", 2) == [b"held", b"sold"]
    private_kafka.restart()
    assert topics(private_kafka.url) == set()


async def test_a_shared_kafka_is_emptied_for_the_next_test(private_kafka: RunningServer) -> None:
    await send(private_kafka.url, "seats", [b"sold"])
    async with AIOKafkaConsumer("seats", bootstrap_servers=private_kafka.url, group_id="models") as consumer:
        await consumer.commit({TopicPartition("seats", 0): 1})
    assert (topics(private_kafka.url), groups(private_kafka.url)) == ({"seats"}, {"models"})
    with isolation.empty_kafka(private_kafka.url):
        assert (topics(private_kafka.url), groups(private_kafka.url)) == (set(), set())


def test_each_test_has_a_kafka_without_topics(kafka_servers: str) -> None:
    assert topics(kafka_servers) == set()


async def test_a_committed_batch_survives_kill_9_of_mysql(private_mysql: RunningServer) -> None:
    await execute(private_mysql.url, "CREATE TABLE seat (id INT PRIMARY KEY) ENGINE=InnoDB")
    await execute(private_mysql.url, "INSERT INTO seat VALUES (1), (2)")
    private_mysql.kill()
    private_mysql.start()
    assert await execute(private_mysql.url, "SELECT id FROM seat ORDER BY id") == [1, 2]


async def test_the_query_user_may_read_and_not_write(mysql_url: str, query_mysql_url: str) -> None:
    await execute(mysql_url, "CREATE TABLE seat (id INT PRIMARY KEY) ENGINE=InnoDB")
    assert await execute(query_mysql_url, "SELECT id FROM seat") == []
    with pytest.raises(OperationalError, match="INSERT command denied"):
        await execute(query_mysql_url, "INSERT INTO seat VALUES (1)")


async def test_dynamodb_has_its_tables_after_a_clean_restart(private_dynamodb: RunningServer) -> None:
    name = await create_table(Tables(url=private_dynamodb.url, prefix=""))
    private_dynamodb.restart()
    assert await table_names(private_dynamodb.url) == [name]


async def test_the_tables_of_a_test_are_deleted_after_it(dynamodb_server: str, aws_environment: None) -> None:  # noqa: ARG001
    async with isolation.tables(dynamodb_server) as own:
        name = await create_table(own)
        assert name in await table_names(dynamodb_server)
    assert name not in await table_names(dynamodb_server)
