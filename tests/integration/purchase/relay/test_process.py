"""Relays that are killed, lose their stores or cannot start lose no message and keep the order."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from contracts.position import Position
from contracts.routing import PURCHASE
from infra_local.running import RunningServer
from purchase.relay import STOP_SECONDS
from purchase.seats.inventory import Sold
from purchase.store import keys
from redis import Redis

from tests.stage.brokers import Broker, RabbitMQBroker, private_broker
from tests.stage.builders import PARTITIONS, order, zone
from tests.stage.polling import DEADLINE_SECONDS, until
from tests.stage.processes.purchase import run
from tests.stage.processes.relay import figures_of, relay_process
from tests.stage.published_batches import PublishedBatches, positions_in
from tests.stage.sellers import Seller, prepare, selling

pytestmark = pytest.mark.starts_processes

PARTITION = keys.partition_of("Gala", PARTITIONS)
LARGE = zone(row_count=200, col_count=30)
AT_ONCE = 10
PAUSE_SECONDS = 0.1
MESSAGES_PENDING = 3
"""The venue, the event and a ticket."""

ABSENT_BROKERS = [
    {"BROKER": "rabbitmq", "RABBITMQ_URL": "amqp://127.0.0.1:1/"},
    {"BROKER": "kafka", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"},
]


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    with Redis.from_url(redis_url) as own:
        yield own


@pytest.fixture
async def seller(redis_url: str) -> AsyncIterator[Seller]:
    """A process with an event on sale."""
    await prepare(redis_url)
    async with selling(redis_url) as own:
        await own.put_on_sale("Gala", zones=(LARGE,))
        yield own


@pytest.fixture
async def published(broker: Broker) -> AsyncIterator[PublishedBatches]:
    """Observe the messages of the event's partition."""
    await broker.declare()
    async with broker.published(PARTITION) as own:
        yield own


class Crowd:
    """Buys seat after seat until it is stopped."""

    def __init__(self, seller: Seller) -> None:
        self._seller = seller
        self._stopping = False
        self.last = Position(0, 0)

    async def buy(self) -> None:
        places = itertools.product(range(1, LARGE.row_count + 1), range(1, LARGE.col_count + 1))
        while not self._stopping and (some := list(itertools.islice(places, AT_ONCE))):
            orders = [order(row=row, column=column) for row, column in some]
            outcomes = await asyncio.gather(*(self._seller.inventory.sell(wanted) for wanted in orders))
            self.last = max(outcome.position for outcome in outcomes if isinstance(outcome, Sold))
            await asyncio.sleep(PAUSE_SECONDS)

    def stop(self) -> None:
        self._stopping = True


@asynccontextmanager
async def crowd(seller: Seller) -> AsyncIterator[Crowd]:
    """Let customers buy in the meantime; stop them afterwards."""
    own = Crowd(seller)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(own.buy())
        yield own
        own.stop()


async def collect(published: PublishedBatches, positions: list[Position], last: Position) -> None:
    """Append each published position, duplicates too, until this one has arrived."""
    while last not in positions:
        positions += positions_in((await published.next()).body)


def assert_nothing_lost(positions: list[Position], last: Position) -> None:
    """Assert that every position has arrived, in order; later duplicates are allowed."""
    assert list(dict.fromkeys(positions)) == [Position(1, sequence) for sequence in range(last.sequence + 1)]


async def test_another_relay_takes_over_from_one_that_is_killed_and_nothing_is_lost(
    seller: Seller, published: PublishedBatches, redis_url: str, broker: Broker
) -> None:
    positions: list[Position] = []
    with relay_process(redis_url, broker.settings) as leader, relay_process(redis_url, broker.settings):
        async with crowd(seller) as customers:
            await collect(published, positions, Position(1, 100))
            await asyncio.to_thread(leader.kill)
            await collect(published, positions, Position(1, customers.last.sequence + 100))
        await collect(published, positions, customers.last)

    assert_nothing_lost(positions, customers.last)


async def test_a_relay_continues_after_redis_was_killed(
    private_redis: RunningServer, published: PublishedBatches, broker: Broker
) -> None:
    positions: list[Position] = []
    await prepare(private_redis.url)
    async with selling(private_redis.url) as seller:
        await seller.put_on_sale("Gala", zones=(LARGE,))
        with relay_process(private_redis.url, broker.settings):
            await collect(published, positions, Position(1, 0))
            private_redis.kill()
            private_redis.start()
            await seller.inventory.sell(order())
            await collect(published, positions, Position(1, 1))

    assert_nothing_lost(positions, Position(1, 1))


async def test_a_relay_that_loses_rabbitmq_ends_and_continues_after_its_restart(
    seller: Seller, client: Any, redis_url: str, private_rabbitmq: RunningServer
) -> None:
    """Kill it only after a restart: a new quorum queue would come back without a leader."""
    broker = private_broker("rabbitmq", private_rabbitmq)
    await broker.declare()
    with relay_process(redis_url, broker.settings) as relay:
        async with crowd(seller) as customers:
            await until(lambda: is_published(client))
            await asyncio.to_thread(private_rabbitmq.restart)
            await asyncio.to_thread(start_again, relay)
            await until(lambda: is_published(client))
            await asyncio.to_thread(private_rabbitmq.kill)
            await asyncio.to_thread(private_rabbitmq.start)
            await asyncio.to_thread(start_again, relay)
        await until(lambda: is_published(client))

    positions: list[Position] = []
    async with broker.published(PARTITION) as published:
        await collect(published, positions, customers.last)
    assert_nothing_lost(positions, customers.last)


def start_again(relay: RunningServer) -> None:
    """Restart the relay once it has ended by itself, as its supervisor does."""
    assert relay.ended(seconds=DEADLINE_SECONDS) != 0
    relay.start()


def is_published(client: Any) -> bool:
    waiting: int = client.xlen(keys.outbox(PARTITION))
    return waiting == 0


def failing_checks(http: httpx.Client) -> set[str]:
    """Return the names of the checks that keep the relay from being ready."""
    checks: dict[str, str] = http.get("/health/ready").json()["checks"]
    return {name for name, outcome in checks.items() if outcome != "ok"}


async def test_a_relay_that_loses_kafka_continues_once_it_is_back(
    seller: Seller, client: Any, redis_url: str, private_kafka: RunningServer
) -> None:
    """This Kafka loses its records with it; the later arrivals are the messages not yet deleted."""
    broker = private_broker("kafka", private_kafka)
    await broker.declare()
    with relay_process(redis_url, broker.settings) as relay, httpx.Client(base_url=relay.url) as http:
        await until(lambda: is_published(client))
        await asyncio.to_thread(private_kafka.kill)
        await until(lambda: failing_checks(http) == {"kafka"})
        await seller.inventory.sell(order())
        await asyncio.to_thread(private_kafka.start)
        await broker.declare()
        async with broker.published(PARTITION) as published:
            assert {*await published.positions(Position(1, 1))} == {Position(1, 1)}
        await until(lambda: is_published(client))
        await until(lambda: failing_checks(http) == set())


@pytest.mark.parametrize("absent", ABSENT_BROKERS, ids=lambda absent: absent["BROKER"])
async def test_a_relay_without_a_broker_ends_so_that_it_is_restarted(redis_url: str, absent: dict[str, str]) -> None:
    await prepare(redis_url)
    ended = run("purchase.relay", redis_url, **absent)
    assert ended.returncode not in (0, None)


async def test_a_relay_whose_queue_is_missing_ends_at_once(redis_url: str, rabbitmq_url: str) -> None:
    await prepare(redis_url)
    await RabbitMQBroker(rabbitmq_url).declare_exchange()
    began = time.monotonic()
    ended = run("purchase.relay", redis_url, RABBITMQ_URL=rabbitmq_url)
    assert ended.returncode not in (0, None)
    assert time.monotonic() - began < STOP_SECONDS / 2
    assert f"no queue '{PURCHASE}'" in ended.stdout


async def test_a_relay_for_another_number_of_partitions_ends_with_the_reason(redis_url: str, rabbitmq_url: str) -> None:
    await prepare(redis_url)
    ended = run("purchase.relay", redis_url, RABBITMQ_URL=rabbitmq_url, PARTITIONS="64")
    assert ended.returncode != 0
    assert f"PARTITIONS is 64, but Redis was installed for {PARTITIONS}" in ended.stdout


@pytest.mark.on_rabbitmq
async def test_a_relay_reports_its_readiness_and_the_length_of_the_outboxes(
    seller: Seller, redis_url: str, broker: Broker, rabbitmq_url: str
) -> None:
    """Nothing is bound to the exchange: every published message is returned."""
    exchange = RabbitMQBroker(rabbitmq_url)
    await exchange.declare_exchange()
    await exchange.bind(PURCHASE, key="purchase.*")
    await seller.inventory.sell(order())
    with relay_process(redis_url, broker.settings) as relay:
        async with httpx.AsyncClient(base_url=relay.url) as http:
            assert (await http.get("/health/live")).json() == {"status": "live"}
            ready = await http.get("/health/ready")
            assert ready.json() == {"status": "ready", "checks": {"redis": "ok", "rabbitmq": "ok"}}
            figures = await figures_of(http, "outbox_pending")

    assert figures["outbox_pending"] == MESSAGES_PENDING
