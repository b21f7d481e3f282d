"""The stores in containers of their official images, with the settings of infra/."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import redis as redis_client
import sqlalchemy
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from infra_local.servers import BROKER_PASSWORD, BROKER_USER, INFRA, read_environment
from sqlalchemy.exc import OperationalError
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient

ROOT_PASSWORD = "tests"
START_SECONDS = 90
ANSWER_SECONDS = 5
KAFKA_START = """
until [ -s /tmp/address ]; do sleep 0.1; done
KAFKA_ADVERTISED_LISTENERS=$(</tmp/address) exec /etc/kafka/docker/run
"""
POLL_SECONDS = 0.1


def engine_answers() -> bool:
    """Return whether a Docker engine can be reached."""
    try:
        return bool(DockerClient().client.ping())
    except Exception:
        return False


@contextmanager
def redis() -> Iterator[tuple[str]]:
    """Redis, with the settings of production."""
    container = DockerContainer("redis:8.0-alpine", command="redis-server /settings/redis.conf")
    container.with_volume_mapping(str(INFRA / "redis"), "/settings").with_exposed_ports(6379)
    with container:
        url = f"redis://{_address(container, 6379)}/0"
        client = redis_client.Redis.from_url(url)
        _wait_until(client.ping, redis_client.ConnectionError)
        client.close()
        yield (url,)


@contextmanager
def rabbitmq() -> Iterator[tuple[str, str]]:
    """RabbitMQ with its management API."""
    container = DockerContainer("rabbitmq:4.0-management").with_exposed_ports(5672, 15672)
    container.with_volume_mapping(str(INFRA / "rabbitmq/rabbitmq.conf"), "/etc/rabbitmq/conf.d/20-ticketing.conf")
    container.with_env("RABBITMQ_DEFAULT_USER", BROKER_USER).with_env("RABBITMQ_DEFAULT_PASS", BROKER_PASSWORD)
    with container:
        user = f"{BROKER_USER}:{BROKER_PASSWORD}"
        management_url = f"http://{user}@{_address(container, 15672)}"
        _wait_until(lambda: httpx.get(f"{management_url}/api/overview").raise_for_status(), httpx.HTTPError)
        yield f"amqp://{user}@{_address(container, 5672)}/", management_url


@contextmanager
def kafka() -> Iterator[tuple[str]]:
    """Apache Kafka, one process."""
    # Kafka sends its address to clients. The address is known once the container runs, so
    # Kafka waits for it.
    container = DockerContainer("apache/kafka:4.1.1").with_exposed_ports(9092)
    container.with_command(["bash", "-c", KAFKA_START])
    container.with_env("KAFKA_LISTENERS", "PLAINTEXT://:9092,CONTROLLER://:9093")
    for name, value in read_environment(INFRA / "kafka/kafka.env").items():
        container.with_env(name, value)
    with container:
        address = _address(container, 9092)
        container.exec(["bash", "-c", f"echo PLAINTEXT://{address} >/tmp/address"])
        admin = AdminClient({"bootstrap.servers": address})
        _wait_until(lambda: admin.list_topics(timeout=ANSWER_SECONDS), KafkaException)
        yield (address,)


@contextmanager
def mysql() -> Iterator[tuple[str]]:
    """MySQL, as its root user."""
    container = DockerContainer("mysql:8.4").with_env("MYSQL_ROOT_PASSWORD", ROOT_PASSWORD).with_exposed_ports(3306)
    container.with_volume_mapping(str(INFRA / "mysql/server.cnf"), "/etc/mysql/conf.d/ticketing.cnf")
    with container:
        address = f"root:{ROOT_PASSWORD}@{_address(container, 3306)}"
        engine = sqlalchemy.create_engine(f"mysql+pymysql://{address}", poolclass=sqlalchemy.NullPool)
        _wait_until(lambda: engine.connect().close(), OperationalError)
        yield (f"mysql://{address}",)


@contextmanager
def dynamodb() -> Iterator[tuple[str]]:
    """AWS's own DynamoDB Local."""
    container = DockerContainer("amazon/dynamodb-local:latest").with_exposed_ports(8000)
    with container:
        url = f"http://{_address(container, 8000)}"
        _wait_until(lambda: httpx.get(url), httpx.HTTPError)
        yield (url,)


def _address(container: DockerContainer, port: int) -> str:
    return f"{container.get_container_host_ip()}:{container.get_exposed_port(port)}"


def _wait_until(answers: Callable[[], object], refusal: type[Exception]) -> None:
    """Ask until it answers. Raises the last refusal after START_SECONDS."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            answers()
        except refusal:
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)
        else:
            return
