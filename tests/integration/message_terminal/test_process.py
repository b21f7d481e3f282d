"""The terminal's process: from the broker to both models, through kills and failures."""

import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from contracts import routing
from contracts.codec import AnyMessage, decode, split_batch
from contracts.ticket import TicketRejected
from infra_local.ports import free_port
from message_terminal import brokers
from message_terminal.app import serve
from message_terminal.settings import READ, WRITE, Settings
from message_terminal.stores import open_dynamodb, open_mysql
from message_terminal.tables import TICKETS
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.stage.brokers import Broker, channel
from tests.stage.messages import (
    PARTITION,
    batch,
    cancelled,
    event_scheduled,
    many_purchased,
    purchased,
    venue_defined,
)
from tests.stage.processes.terminal import (
    Environment,
    RunningTerminal,
    publish,
    started,
    take,
    terminal,
    until,
)
from tests.stage.projections import figures, items, parked, position, rows
from tests.stage.stores.isolation import Tables

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient

MODELS = (WRITE, READ)


@pytest.fixture
async def mysql(environment: Environment) -> AsyncIterator[AsyncEngine]:
    """An engine for the read model."""
    async with AsyncExitStack() as stack:
        engine = open_mysql(environment["MYSQL_URL"])
        stack.push_async_callback(engine.dispose)
        yield engine


@pytest.fixture
async def tickets(environment: Environment) -> AsyncIterator["DynamoDBClient"]:
    """A client for the write model."""
    async with open_dynamodb(environment["DYNAMODB_URL"]) as client:
        yield client


async def test_published_messages_are_projected_onto_both_models(
    broker: Broker,
    environment: Environment,
    mysql: AsyncEngine,
    tickets: "DynamoDBClient",
    dynamodb: Tables,
    tmp_path: Path,
) -> None:
    sales = many_purchased(1_000)
    batches = [batch([venue_defined(), event_scheduled()]), batch(sales[:500]), batch(sales[500:])]
    await broker.publish(PARTITION, batches)
    async with AsyncExitStack() as stack:
        running = await started(stack, environment, tmp_path / "log")
        await until(lambda: reached(mysql, "1-1001"))
        await until(lambda: written(tickets, dynamodb, 1_000))
        await until(lambda: projected(running, 1_002))
        assert await running.metric("projection_gaps_total") == 0
        assert await running.metric('projection_lag_seconds{model="read"}') == 0
    assert sum(sold for sold, _ in (await figures(mysql)).values()) == 1_000
    assert {row["ticket_id"] for row in await rows(mysql, "SELECT ticket_id FROM ticket")} == {
        item["ticketId"] for item in await items(tickets, dynamodb, "Tickets")
    }


async def test_a_process_for_one_model_does_not_touch_the_other(
    broker: Broker,
    environment: Environment,
    mysql: AsyncEngine,
    tickets: "DynamoDBClient",
    dynamodb: Tables,
    tmp_path: Path,
) -> None:
    await broker.publish(PARTITION, [batch([purchased(position="1-0")])])
    async with AsyncExitStack() as stack:
        await started(stack, {**environment, "MODELS": "read"}, tmp_path / "log")
        await until(lambda: reached(mysql, "1-0"))
    assert await items(tickets, dynamodb, "Tickets") == []
    assert len(await broker.take(routing.WRITE_MODEL)) == 1


async def test_a_terminal_that_is_killed_again_and_again_loses_nothing_and_counts_nothing_twice(
    broker: Broker,
    environment: Environment,
    mysql: AsyncEngine,
    tickets: "DynamoDBClient",
    dynamodb: Tables,
    tmp_path: Path,
) -> None:
    sales = many_purchased(3_000, first=1)
    ends = [cancelled(sale, position=f"1-{3_001 + number}") for number, sale in enumerate(sales[:1_000])]
    history: list[AnyMessage] = [event_scheduled(position="1-0"), *sales, *ends]
    bodies = [batch(history[start : start + 100]) for start in range(0, len(history), 100)]
    await broker.publish(PARTITION, bodies)
    for share in (300, 1_200, 2_100):
        with terminal(environment, tmp_path / "log") as running:
            await until(partial(has_tickets, mysql, share))
            running.kill()
    async with AsyncExitStack() as stack:
        running = await started(stack, environment, tmp_path / "log")
        await until(lambda: reached(mysql, f"1-{len(history) - 1}"))
        await until(lambda: written(tickets, dynamodb, 3_000))
        await until(lambda: idle(running))
        assert await running.metric("projection_gaps_total") == 0
    stored = await items(tickets, dynamodb, "Tickets")
    assert sum(item["status"] == "PAID" for item in stored) == 2_000
    assert sum(sold for sold, _ in (await figures(mysql)).values()) == 2_000
    assert sum(revenue for _, revenue in (await figures(mysql)).values()) == 2_000 * 2_500
    assert await parked(mysql) == []


async def test_another_takes_over_from_a_terminal_that_is_killed(
    broker: Broker, environment: Environment, mysql: AsyncEngine, tmp_path: Path
) -> None:
    sales = many_purchased(200, first=0)
    async with AsyncExitStack() as stack:
        both = [await started(stack, environment, tmp_path / name) for name in ("one", "other")]
        await broker.publish(PARTITION, [batch(sales[:100])])
        await until(lambda: has_tickets(mysql, 100))
        [first] = [one for one in both if await one.metric('messages_projected_total{model="read"}')]
        [spare] = [one for one in both if one is not first]
        first.kill()
        await broker.publish(PARTITION, [batch(sales[100:])])
        await until(lambda: has_tickets(mysql, 200))
        assert await spare.metric('messages_projected_total{model="read"}') >= 100
        assert await spare.metric("projection_gaps_total") == 0
    assert await figures(mysql) == {1: (200, 500_000)}


async def test_a_terminated_process_finishes_its_current_batch(
    broker: Broker, environment: Environment, mysql: AsyncEngine, tmp_path: Path
) -> None:
    sales = many_purchased(2_000)
    bodies = [batch(sales[start : start + 500]) for start in range(0, 2_000, 500)]
    async with AsyncExitStack() as stack:
        running = await started(stack, environment, tmp_path / "log")
        await broker.publish(PARTITION, bodies)
        running.process.terminate()
        assert await running.ended() in (0, -signal.SIGTERM)
        again = await started(stack, environment, tmp_path / "log")
        await until(lambda: reached(mysql, "1-2001"))
        assert again.process.poll() is None
    assert sum(sold for sold, _ in (await figures(mysql)).values()) == 2_000


async def test_a_double_sale_is_rejected_to_purchase_and_parked_by_the_read_model(
    broker: Broker, environment: Environment, mysql: AsyncEngine, tmp_path: Path
) -> None:
    owner, intruder, other = purchased(position="1-0"), purchased(position="1-1"), purchased(row=2, position="1-2")
    async with AsyncExitStack() as stack:
        running = await started(stack, environment, tmp_path / "log")
        await broker.publish(PARTITION, [batch([owner]), batch([intruder, other])])
        (body,) = await broker.take(routing.PURCHASE)
        await until(lambda: reached(mysql, "1-2"))
        for model in MODELS:
            assert await running.metric(f'double_sales_total{{model="{model}"}}') == 1
    (raw,) = split_batch(body)
    message: AnyMessage = decode(raw)
    assert isinstance(message, TicketRejected)
    assert (message.data.ticket_id, message.data.owner_ticket_id) == (intruder.data.ticket_id, owner.data.ticket_id)
    assert await figures(mysql) == {1: (2, 5_000)}
    (row,) = await parked(mysql)
    assert (row["model"], row["sequence"]) == ("read", 1)
    assert row["reason"].startswith("DoubleSale: its seat belongs to another ticket")


@pytest.mark.on_rabbitmq
async def test_a_rejection_is_persistent_and_has_its_id_and_content_type(
    environment: Environment, tmp_path: Path
) -> None:
    rivals = [purchased(position="1-0"), purchased(position="1-1")]
    url = environment["RABBITMQ_URL"]
    async with AsyncExitStack() as stack:
        await started(stack, environment, tmp_path / "log")
        await publish(url, routing.to_models(PARTITION), [batch(rivals)])
        (rejection,) = await take(url, routing.PURCHASE)
    (raw,) = split_batch(rejection.body)
    assert (rejection.routing_key, rejection.message_id, rejection.delivery_mode) == (
        f"purchase.{PARTITION}",
        decode(raw).id,
        2,
    )
    assert rejection.content_type == routing.BATCH_CONTENT_TYPE


async def test_bad_messages_in_a_batch_are_parked_and_the_others_are_projected(
    broker: Broker,
    environment: Environment,
    mysql: AsyncEngine,
    tickets: "DynamoDBClient",
    dynamodb: Tables,
    tmp_path: Path,
) -> None:
    sales = many_purchased(50, first=0)
    unknown = b'{"specversion":"1.0","type":"seat.upgraded.v9","id":"1","partition":3,"position":"1-50"}'
    poison = purchased(zone_id=9, created_on="2030-02-30T00:00:00.000000Z", position="1-51")
    last = purchased(zone_id=8, position="1-52")
    bodies = [batch([*sales[:25], unknown, poison, *sales[25:]]), b"not json", batch([last])]
    async with AsyncExitStack() as stack:
        running = await started(stack, environment, tmp_path / "log")
        await broker.publish(PARTITION, bodies)
        await until(lambda: reached(mysql, "1-52"))
        await until(lambda: written(tickets, dynamodb, 52))
        assert await running.metric('messages_parked_total{model="read"}') == 3
        assert await running.is_ready()
    assert sum(sold for sold, _ in (await figures(mysql)).values()) == 51
    reasons = {(row["model"], row["body"][:20]): row["reason"] for row in await parked(mysql)}
    assert reasons == {
        ("write", unknown[:20]): "UnknownMessage: unknown type seat.upgraded.v9",
        ("read", unknown[:20]): "UnknownMessage: unknown type seat.upgraded.v9",
        ("write", b"not json"): reasons["write", b"not json"],
        ("read", b"not json"): reasons["read", b"not json"],
        ("read", next(body for model, body in reasons if body.startswith(b'{"type":"ticket'))): (
            "ValueError: day is out of range for month"
        ),
    }
    assert reasons["read", b"not json"].startswith("no batch")


@pytest.mark.on_rabbitmq
async def test_a_deleted_queue_ends_the_process(environment: Environment, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        running = await started(stack, environment, tmp_path / "log")
        async with channel(environment["RABBITMQ_URL"]) as open_channel:
            await open_channel.queue_delete(routing.READ_MODEL)
        assert await running.ended() == 1
        missing = stack.enter_context(terminal(environment, tmp_path / "log"))
        assert await missing.ended() == 1


@pytest.mark.on_rabbitmq
async def test_a_broken_connection_ends_the_process_and_the_next_one_continues(
    broker: Broker, environment: Environment, rabbitmq_server: tuple[str, str], mysql: AsyncEngine, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        running = await started(stack, environment, tmp_path / "log")
        await until(lambda: break_connections(rabbitmq_server[1], environment["RABBITMQ_URL"].rpartition("/")[2]))
        assert await running.ended() == 1
        await started(stack, environment, tmp_path / "log")
        await broker.publish(PARTITION, [batch([purchased(position="1-0")])])
        await until(lambda: reached(mysql, "1-0"))


async def test_a_wrong_setting_is_named_and_ends_the_process(environment: Environment, tmp_path: Path) -> None:
    with terminal({**environment, "MODELS": "live"}, tmp_path / "log") as running:
        assert await running.ended() == 1
    assert "MODELS" in (tmp_path / "log").read_text()


async def test_a_terminal_without_a_broker_ends_after_its_retries(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brokers, "CONNECT_SECONDS", 0.5)
    nowhere = {"RABBITMQ_URL": "amqp://127.0.0.1:1/", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    settings = Settings.read({**environment, **nowhere, "HTTP_PORT": str(free_port("terminal"))})
    with pytest.raises(SystemExit, match="3"):
        await serve(settings)


async def reached(engine: AsyncEngine, text: str) -> bool:
    """Return whether the read model has reached this position."""
    return await position(engine, PARTITION) == text


async def written(client: "DynamoDBClient", tables: Tables, count: int) -> bool:
    """Return whether the write model has this number of tickets."""
    pages = client.get_paginator("scan").paginate(TableName=tables.prefix + TICKETS, Select="COUNT")
    return sum([page["Count"] async for page in pages]) == count


async def has_tickets(engine: AsyncEngine, count: int) -> bool:
    """Return whether the read model has at least this number of tickets."""
    (row,) = await rows(engine, "SELECT count(*) AS number FROM ticket")
    return bool(row["number"] >= count)


async def projected(running: RunningTerminal, count: int) -> bool:
    """Return whether the process has projected this number of messages onto each model."""
    return [await running.metric(f'messages_projected_total{{model="{model}"}}') for model in MODELS] == [count] * 2


async def idle(running: RunningTerminal) -> bool:
    """Return whether the process has no backlog."""
    lags = [await running.metric(f'projection_lag_seconds{{model="{model}"}}') for model in MODELS]
    return lags == [0, 0]


async def break_connections(management_url: str, vhost: str) -> bool:
    """Close all connections that RabbitMQ's management lists; return whether there were any."""
    async with httpx.AsyncClient(base_url=management_url, timeout=30) as management:
        connections = (await management.get(f"/api/vhosts/{vhost}/connections")).raise_for_status().json()
        for connection in connections:
            (await management.delete(f"/api/connections/{connection['name']}")).raise_for_status()
    return bool(connections)
