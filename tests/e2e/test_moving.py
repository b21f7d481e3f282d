"""A move from one broker to the other by the runbook's steps, while a crowd buys.

From RabbitMQ to Kafka, or with --broker kafka the other way.
"""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from infra_local import probes
from infra_local.brokers import BROKERS, BrokerName
from infra_local.ports import free_port
from infra_local.running import RunningServer

from tests.e2e.test_race import assert_models_agree
from tests.stage.platforms.buying import WAVE, buying
from tests.stage.platforms.on_sale import put_on_sale
from tests.stage.platforms.private import PrivatePlatform
from tests.stage.platforms.running import wait_until_ready
from tests.stage.stores import stores
from tests.stage.stores.stores import Store

TERMINALS = ("terminal-write", "terminal-read")
REPLACED = ("relay", *TERMINALS)

ADDRESSES: dict[BrokerName, str] = {"rabbitmq": "RABBITMQ_URL", "kafka": "KAFKA_BOOTSTRAP_SERVERS"}
STORES: dict[BrokerName, Store] = {"rabbitmq": stores.RABBITMQ, "kafka": stores.KAFKA}

PARITY_SECONDS = 8
TRIES = 10


class Move:
    """The parts that a move replaces, each with its environment, and the runbook's commands."""

    def __init__(self, platform: PrivatePlatform, folder: Path, addresses: Mapping[str, str]) -> None:
        self._platform = platform
        self._folder = folder
        self._addresses = addresses
        self._running: dict[str, RunningServer] = {}

    def start(self, name: str, part: str, **settings: str) -> None:
        """Start this part of the platform under this name, and wait until it is ready."""
        [described] = [server for server in self._platform.description.services if server.name == part]
        port = free_port(name)
        environment = {**described.environment, **self._addresses, **settings, "HTTP_PORT": str(port)}
        self._running[name] = RunningServer(
            replace(
                described,
                name=name,
                directory=self._folder / name,
                environment=environment,
                ready=partial(probes.http_answers, port, "/health/ready"),
            )
        )
        self._running[name].start()

    def stop(self, name: str) -> None:
        """Stop it gracefully."""
        self._running.pop(name).stop()

    def restart(self, name: str, part: str, **settings: str) -> None:
        self.stop(name)
        self.start(name, part, **settings)

    async def start_terminals(self, broker: BrokerName) -> None:
        """Start the terminals of both models on this broker, and wait until they are ready."""
        starting = (asyncio.to_thread(self.start, f"{part} on {broker}", part, BROKER=broker) for part in TERMINALS)
        for failure in filter(None, await asyncio.gather(*starting, return_exceptions=True)):
            raise failure

    def stop_terminals(self, broker: BrokerName) -> None:
        for part in TERMINALS:
            self.stop(f"{part} on {broker}")

    def stop_all(self) -> None:
        for name in list(self._running):
            self.stop(name)

    async def command(self, *arguments: str, broker: BrokerName) -> int:
        """Run a command of `message-terminal`; return its exit status."""
        [setup] = [shot for shot in self._platform.description.one_shots if shot.name == "setup"]
        process = await asyncio.create_subprocess_exec(
            *setup.argv[:-1],
            *arguments,
            env={**os.environ, **setup.environment, **self._addresses, "BROKER": broker},
            stdin=subprocess.DEVNULL,
        )
        return await asyncio.wait_for(process.wait(), 60)


@pytest.fixture
def other(platform: PrivatePlatform) -> BrokerName:
    """Return the broker to move to."""
    [name] = set(BROKERS) - {platform.broker}
    return name


@pytest.fixture
async def move(platform: PrivatePlatform, other: BrokerName, tmp_path: Path) -> AsyncIterator[Move]:
    """Start the other broker, and replace the platform's relay and terminals by the test's own."""
    own = {ADDRESSES[platform.broker]: platform.url_of(platform.broker)}
    weaker = {"KAFKA_IDEMPOTENCE": "false", "KAFKA_REPLICATION": "1"}
    with stores.private_instance(STORES[other]) as running:
        move = Move(platform, tmp_path, {**weaker, **own, ADDRESSES[other]: running.url})
        for part in REPLACED:
            platform.stop(part)
        try:
            move.start("relay", "relay", BROKER=platform.broker)
            await move.start_terminals(platform.broker)
            yield move
        finally:
            move.stop_all()
            for part in REPLACED:
                platform.start(part)
            for part in REPLACED:
                wait_until_ready(platform, part)


async def carry_out(move: Move, old: BrokerName, new: BrokerName) -> None:
    """Take the runbook's steps."""
    assert await move.command("setup", broker=new) == 0
    await asyncio.to_thread(move.restart, "relay", "relay", BROKER=old, MIRROR_BROKER=new)
    assert await move.command("parity", "--seconds", str(PARITY_SECONDS), broker=old) == 0
    await move.start_terminals(new)
    await asyncio.to_thread(move.restart, "relay", "relay", BROKER=new, DRAIN_BROKER=old)
    await drain(move, old)
    await asyncio.to_thread(move.restart, "relay", "relay", BROKER=new)
    assert await move.command("drained", broker=old) == 0


async def drain(move: Move, old: BrokerName) -> None:
    """Stop the old terminals once no message waits for them."""
    for _ in range(TRIES):
        await asyncio.to_thread(move.stop_terminals, old)
        if await move.command("drained", "write", "read", broker=old) == 0:
            return
        await move.start_terminals(old)
    raise AssertionError(f"{old} was not drained")


@pytest.mark.timeout(600)
async def test_sales_go_on_and_nothing_is_lost_while_the_platform_moves(
    platform: PrivatePlatform, move: Move, other: BrokerName
) -> None:
    put_on_sale(platform, "Venue1", "Moving")
    async with buying(platform, "Moving") as sold:
        await carry_out(move, platform.broker, other)
        sold_during_move = len(sold.sold)
    assert sold_during_move > 0
    assert len(sold.sold) >= sold_during_move + WAVE
    assert sold.failed == []
    assert sold.refused == 0
    await assert_models_agree(platform, "Venue1", "Moving", sold)
