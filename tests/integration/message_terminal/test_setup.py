"""Setup: creates queues and tables, is idempotent, and refuses other settings."""

import asyncio
from pathlib import Path

import message_terminal
import pytest
from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import DeliveryError
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from contracts import routing
from infra_local.running import RunningServer
from message_terminal import setup
from message_terminal.brokers import rabbitmq_topology
from message_terminal.brokers.rabbitmq import redeliveries
from message_terminal.settings import Settings
from message_terminal.setup import SetupFailed, set_up
from message_terminal.tables import metadata
from msgspec.structs import replace
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.stage.brokers import channel
from tests.stage.processes.terminal import publish, take
from tests.stage.projections import rows
from tests.stage.stores.isolation import Tables


@pytest.fixture
def settings(rabbitmq_url: str, mysql_url: str, dynamodb: Tables) -> Settings:
    """Settings with three empty stores."""
    return Settings(
        rabbitmq_url=rabbitmq_url,
        mysql_url=mysql_url,
        dynamodb_url=dynamodb.url,
        dynamodb_prefix=dynamodb.prefix,
        partitions=8,
    )


async def test_setup_can_be_repeated_and_run_concurrently(settings: Settings) -> None:
    await asyncio.gather(set_up(settings), set_up(settings))
    await set_up(settings)


async def test_messages_reach_both_models_and_rejections_only_purchase(
    settings: Settings,
) -> None:
    url = settings.rabbitmq_url
    await set_up(settings)
    for key in (routing.to_models(7), routing.to_purchase(7), routing.to_models(8), routing.to_purchase(8)):
        await publish(url, key, [key.encode()])
    for queue, bodies in (
        (routing.WRITE_MODEL, [b"7", b"8"]),
        (routing.READ_MODEL, [b"7", b"8"]),
        (routing.PURCHASE, [b"purchase.7", b"purchase.8"]),
    ):
        assert [message.body for message in await take(url, queue, 2)] == bodies


@pytest.mark.parametrize("queue", [routing.WRITE_MODEL, routing.READ_MODEL, routing.PURCHASE])
async def test_a_rejected_delivery_is_dead_lettered(settings: Settings, queue: str) -> None:
    url = settings.rabbitmq_url
    await set_up(settings)
    await publish(url, routing.to_purchase(1) if queue == routing.PURCHASE else routing.to_models(1), [b"dead"])
    await take(url, queue, respond=lambda message: message.reject())
    (dead,) = await take(url, routing.DEAD)
    assert dead.body == b"dead"


async def test_a_queue_with_other_arguments_fails_at_once(settings: Settings) -> None:
    async with channel(settings.rabbitmq_url) as open_channel:
        await open_channel.declare_queue(routing.READ_MODEL, durable=True)
    with pytest.raises(SetupFailed, match=r"RabbitMQ.*ticketing\.read-model"):
        await set_up(settings)


async def test_another_number_of_partitions_is_refused(read_settings: Settings, engine: AsyncEngine) -> None:
    with pytest.raises(SetupFailed, match="for 8 partitions, not for 16"):
        await setup.migrate(replace(read_settings, partitions=16))
    assert len(await rows(engine, "SELECT * FROM projection_position WHERE epoch IS NULL")) == 8


async def test_a_setup_that_was_killed_between_two_tables_is_completed_by_the_next(
    read_settings: Settings, engine: AsyncEngine
) -> None:
    async with engine.begin() as connection:
        for statement in ("DELETE FROM alembic_version", "DROP TABLE parked_message", "DROP TABLE projection_position"):
            await connection.execute(text(statement))
    await setup.migrate(read_settings)
    assert len(await rows(engine, "SELECT * FROM projection_position")) == 8
    assert await rows(engine, "SELECT * FROM parked_message") == []


async def test_the_migrations_result_in_the_tables_of_the_code(engine: AsyncEngine) -> None:
    def differences(connection: Connection) -> object:
        return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_setup_waits_for_a_store_that_is_starting(settings: Settings, private_mysql: RunningServer) -> None:
    private_mysql.stop()
    making = asyncio.create_task(set_up(replace(settings, mysql_url=private_mysql.url)))
    _, waiting = await asyncio.wait([making], timeout=1)
    assert waiting
    await asyncio.to_thread(private_mysql.start)
    await making


async def test_setup_fails_after_its_retries_and_names_the_store(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup, "WAIT_SECONDS", 0.5)
    with pytest.raises(SetupFailed, match="MySQL: OperationalError"):
        await set_up(replace(settings, mysql_url="mysql+aiomysql://nobody@127.0.0.1:1/ticketing"))


async def test_a_full_queue_refuses_messages(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(rabbitmq_topology.QUEUES, routing.READ_MODEL, ("*", 1_000))
    await set_up(settings)
    with pytest.raises(DeliveryError):
        await publish(settings.rabbitmq_url, routing.to_models(1), [b"x" * 1_000] * 50)


async def test_the_broker_counts_redeliveries(settings: Settings) -> None:
    url = settings.rabbitmq_url
    await set_up(settings)
    await publish(url, routing.to_models(1), [b"again"])
    counts = [
        redeliveries((await take(url, routing.READ_MODEL, respond=respond))[0].headers)
        for respond in (_leave, _leave, _acknowledge)
    ]
    assert counts == [0, 1, 2]


async def _leave(_: AbstractIncomingMessage) -> None:
    """Neither acknowledge nor return the message, like a killed consumer."""


async def _acknowledge(message: AbstractIncomingMessage) -> None:
    await message.ack()


def test_the_migrations_are_beside_the_code() -> None:
    assert (Path(message_terminal.__file__).parent / "migrations/versions/read_model_0001.py").exists()
