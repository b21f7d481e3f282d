"""While a store is unavailable nothing is acknowledged or lost, and the process is not ready."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from infra_local.running import RunningServer
from message_terminal.settings import Settings
from message_terminal.setup import set_up
from message_terminal.stores import open_dynamodb, open_mysql
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.stage.brokers import Broker
from tests.stage.messages import PARTITION, batch, many_purchased
from tests.stage.processes.terminal import Environment, RunningTerminal, started, until
from tests.stage.projections import figures, items, position
from tests.stage.stores.isolation import Tables


@pytest.fixture
async def with_private_mysql(environment: Environment, private_mysql: RunningServer) -> Environment:
    """An environment with a MySQL that the test may kill."""
    environment = {**environment, "MYSQL_URL": private_mysql.url}
    await set_up(Settings.read(environment))
    return environment


@pytest.fixture
async def with_private_dynamodb(environment: Environment, private_dynamodb: RunningServer) -> Environment:
    """An environment with a DynamoDB that the test may pause."""
    environment = {**environment, "DYNAMODB_URL": private_dynamodb.url}
    await set_up(Settings.read(environment))
    return environment


@pytest.fixture
async def engine_of_private_mysql(private_mysql: RunningServer) -> AsyncIterator[AsyncEngine]:
    """An engine for that MySQL."""
    async with AsyncExitStack() as stack:
        engine = open_mysql(private_mysql.url)
        stack.push_async_callback(engine.dispose)
        yield engine


async def test_a_killed_mysql_is_waited_for(
    broker: Broker,
    with_private_mysql: Environment,
    private_mysql: RunningServer,
    engine_of_private_mysql: AsyncEngine,
    tmp_path: Path,
) -> None:
    sales = many_purchased(400, first=0)
    async with AsyncExitStack() as stack:
        running = await started(stack, with_private_mysql, tmp_path / "log")
        await broker.publish(PARTITION, [batch(sales[:200])])
        await until(lambda: reached(engine_of_private_mysql, "1-199"))
        private_mysql.kill()
        await broker.publish(PARTITION, [batch(sales[200:])])
        await until(lambda: waits(running, "read"))
        assert await failing_checks(running) == {"mysql", "workers"}
        assert await running.metric('messages_projected_total{model="read"}') == 200
        assert await running.metric('projection_lag_seconds{model="read"}') != 0
        await asyncio.to_thread(private_mysql.start)
        await until(lambda: reached(engine_of_private_mysql, "1-399"))
        await until(running.is_ready)
    assert await figures(engine_of_private_mysql) == {1: (400, 1_000_000)}


async def test_a_paused_mysql_is_waited_for(
    broker: Broker,
    with_private_mysql: Environment,
    private_mysql: RunningServer,
    engine_of_private_mysql: AsyncEngine,
    tmp_path: Path,
) -> None:
    sales = many_purchased(400, first=0)
    async with AsyncExitStack() as stack:
        running = await started(stack, with_private_mysql, tmp_path / "log")
        await broker.publish(PARTITION, [batch(sales[:200])])
        await until(lambda: reached(engine_of_private_mysql, "1-199"))
        private_mysql.pause()
        await broker.publish(PARTITION, [batch(sales[200:])])
        await until(lambda: waits(running, "read"), seconds=40)
        assert "mysql" in await failing_checks(running)
        private_mysql.resume()
        await until(lambda: reached(engine_of_private_mysql, "1-399"), seconds=60)
    assert await figures(engine_of_private_mysql) == {1: (400, 1_000_000)}


@pytest.mark.parametrize("fault", ["killed", "paused"])
async def test_a_terminal_that_is_terminated_while_mysql_is_unavailable_leaves_its_batch_with_the_broker(
    broker: Broker,
    with_private_mysql: Environment,
    private_mysql: RunningServer,
    engine_of_private_mysql: AsyncEngine,
    tmp_path: Path,
    fault: str,
) -> None:
    async with AsyncExitStack() as stack:
        running = await started(stack, with_private_mysql, tmp_path / "log")
        if fault == "killed":
            private_mysql.kill()
        else:
            private_mysql.pause()
        await broker.publish(PARTITION, [batch(many_purchased(50, first=0))])
        await until(lambda: lags(running, "read"))
        running.process.terminate()
        await running.ended()
        await asyncio.to_thread(private_mysql.start if fault == "killed" else private_mysql.resume)
        await started(stack, with_private_mysql, tmp_path / "log")
        await until(lambda: reached(engine_of_private_mysql, "1-49"))
    assert await figures(engine_of_private_mysql) == {1: (50, 125_000)}


async def test_a_paused_dynamodb_is_waited_for(
    broker: Broker,
    with_private_dynamodb: Environment,
    private_dynamodb: RunningServer,
    dynamodb: Tables,
    tmp_path: Path,
) -> None:
    sales = many_purchased(400, first=0)
    async with AsyncExitStack() as stack:
        running = await started(stack, with_private_dynamodb, tmp_path / "log")
        private_dynamodb.pause()
        await broker.publish(PARTITION, [batch(sales)])
        await until(lambda: waits(running, "write"), seconds=40)
        assert "dynamodb" in await failing_checks(running)
        assert await running.metric('messages_projected_total{model="write"}') == 0
        private_dynamodb.resume()
        await until(running.is_ready, seconds=60)
        await until(lambda: projected(running, "write", 400))
        client = await stack.enter_async_context(open_dynamodb(private_dynamodb.url))
        assert len(await items(client, dynamodb, "Tickets")) == 400


async def reached(engine: AsyncEngine, text: str) -> bool:
    """Return whether the read model has reached this position."""
    return await position(engine, PARTITION) == text


async def waits(running: RunningTerminal, model: str) -> bool:
    """Return whether the process has deferred an attempt."""
    return await running.metric(f'store_waits_total{{model="{model}"}}') > 0


async def lags(running: RunningTerminal, model: str) -> bool:
    """Return whether the process has a backlog."""
    return await running.metric(f'projection_lag_seconds{{model="{model}"}}') != 0


async def projected(running: RunningTerminal, model: str, count: int) -> bool:
    """Return whether the process has projected this number of messages."""
    return await running.metric(f'messages_projected_total{{model="{model}"}}') == count


async def failing_checks(running: RunningTerminal) -> set[str]:
    """The checks that fail; the process is not ready."""
    answer = await running.answer("/health/ready")
    assert answer is not None
    assert answer.status_code == 503
    return {name for name, outcome in answer.json()["checks"].items() if outcome != "ok"}
