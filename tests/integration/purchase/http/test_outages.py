"""Answers while Redis has lost data, is full or does not respond; a retry shows the outcome."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from contracts.ticket import TicketPurchased
from infra_local.running import RunningServer
from purchase.store import keys
from purchase.store.ids import mint_id
from redis import Redis

from tests.stage.http_client import ADMIN, EventOnSale, PurchaseClient, open_client, unique, zone_body
from tests.stage.problems import assert_problem
from tests.stage.processes.purchase import prepare, serving
from tests.stage.redis_state import RedisState, partition_of
from tests.stage.stores import stores

pytestmark = pytest.mark.starts_processes

OUTBOX_MAX = 32
PATIENCE_SECONDS = 10
"""Longer than any call can take, including the 3 s for Redis."""


@pytest.fixture(scope="module")
def silenceable_redis() -> Iterator[RunningServer]:
    """A Redis for this file alone."""
    with stores.private_instance(stores.REDIS) as running:
        prepare(running.url)
        yield running


@pytest.fixture(scope="module")
def process(silenceable_redis: RunningServer) -> Iterator[RunningServer]:
    """A purchase process with a small outbox that no relay empties."""
    with serving(silenceable_redis.url, OUTBOX_MAX=str(OUTBOX_MAX)) as running:
        yield running


@pytest.fixture
async def client(process: RunningServer) -> AsyncIterator[PurchaseClient]:
    async with open_client(process.url, timeout_seconds=PATIENCE_SECONDS) as client:
        yield client


@pytest.fixture
def redis_state(silenceable_redis: RunningServer) -> Iterator[RedisState]:
    """The state of that Redis; its outboxes start empty, as if a relay had just published them."""
    with Redis.from_url(silenceable_redis.url) as redis:
        redis_state = RedisState(redis)
        publish_all(redis_state)
        yield redis_state


def publish_all(redis_state: RedisState) -> None:
    """Delete all messages, as a relay does once they are confirmed."""
    for name in redis_state.redis.scan_iter(match="*:outbox"):
        for position, _ in redis_state.redis.xrange(name):
            redis_state.redis.xdel(name, position)


@contextmanager
def removed(redis_state: RedisState, name: str) -> Iterator[None]:
    """Remove a key from Redis for a while."""
    redis_state.redis.rename(name, f"removed {name}")
    try:
        yield
    finally:
        redis_state.redis.rename(f"removed {name}", name)


@contextmanager
def silent(redis: RunningServer) -> Iterator[None]:
    """Let Redis keep its connections and answer nothing."""
    redis.pause()
    try:
        yield
    finally:
        redis.resume()


async def wait_until(condition: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not await condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def calls_begun(client: PurchaseClient) -> float:
    """Return how many calls to the sale script this process has begun."""
    metrics = (await client.http.get("/metrics")).text.splitlines()
    (count,) = [line.split()[1] for line in metrics if line.startswith("orders_joined_count")]
    return float(count)


async def is_ready(client: PurchaseClient) -> bool:
    return (await client.http.get("/health/ready")).status_code == 200


def sales(redis_state: RedisState, event: EventOnSale) -> int:
    sold = [message for message in redis_state.messages() if isinstance(message, TicketPurchased)]
    return sum(message.data.event_id == event.event_id for message in sold)


@pytest.mark.parametrize("key", [keys.outbox, keys.epoch], ids=["outbox", "epoch"])
async def test_a_partition_that_lost_its_clock_changes_nothing(
    client: PurchaseClient, redis_state: RedisState, key: Callable[[int], str]
) -> None:
    event = await client.put_on_sale()
    ticket = await client.bought(event.seat())

    with removed(redis_state, key(partition_of(event.event_id))), redis_state.unchanged():
        assert_problem(await client.buy(event.seat("2")), 503, "recovering")
        assert_problem(await client.buy(event.seat("2"), key=unique("key")), 503, "recovering")
        assert_problem(await client.buy(event.seat(), key=unique("key")), 503, "recovering")
        assert_problem(await client.cancel(ticket), 503, "recovering")
        assert_problem(await client.schedule(event, name="Renamed"), 503, "recovering")
        assert not await is_ready(client)

    assert await is_ready(client)
    assert (await client.buy(event.seat("2"))).status_code == 201


async def test_the_other_partitions_continue_to_sell(client: PurchaseClient, redis_state: RedisState) -> None:
    event, other = await client.put_on_sale(), await client.put_on_sale()
    while partition_of(other.event_id) == partition_of(event.event_id):
        other = await client.put_on_sale()

    with removed(redis_state, keys.outbox(partition_of(event.event_id))):
        assert_problem(await client.buy(event.seat()), 503, "recovering")

        assert (await client.buy(other.seat())).status_code == 201


async def test_a_venue_whose_partition_lost_its_clock_is_not_defined(
    client: PurchaseClient, redis_state: RedisState
) -> None:
    venue_id = unique("venue")

    with removed(redis_state, keys.outbox(partition_of(venue_id))), redis_state.unchanged():
        assert_problem(await client.define(venue_id), 503, "recovering")

    assert (await client.define(venue_id)).status_code == 201


async def test_a_redis_that_was_rolled_back_sells_nothing(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale()
    outbox = keys.outbox(partition_of(event.event_id))
    before = redis_state.redis.dump(outbox)
    await client.bought(event.seat())

    with removed(redis_state, outbox):
        redis_state.redis.restore(outbox, 0, before)
        with redis_state.unchanged():
            assert_problem(await client.buy(event.seat("2")), 503, "recovering")
        redis_state.redis.delete(outbox)

    assert (await client.buy(event.seat("2"))).status_code == 201


async def test_a_redis_that_lost_everything_sells_nothing(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale()
    ticket = await client.bought(event.seat())

    redis_state.redis.swapdb(0, 1)
    try:
        with redis_state.unchanged():
            assert_problem(await client.buy(event.seat("2")), 503, "recovering")
            assert_problem(await client.cancel(ticket), 503, "recovering")
            assert not await is_ready(client)
    finally:
        redis_state.redis.swapdb(0, 1)

    assert (await client.buy(event.seat("2"))).status_code == 201


async def test_a_partition_that_lost_its_clock_never_answers_404(
    client: PurchaseClient, redis_state: RedisState
) -> None:
    event = EventOnSale(unique("venue"), unique("event"))
    homes = {partition_of(event.venue_id), partition_of(event.event_id)}
    ticket = {"ticketId": str(mint_id(partition_of(event.event_id)))}

    with ExitStack() as stack:
        for home in homes:
            stack.enter_context(removed(redis_state, keys.outbox(home)))
        assert_problem(await client.buy(event.seat()), 503, "recovering")
        assert_problem(await client.schedule(event), 503, "recovering")
        assert_problem(await client.cancel(ticket, **ADMIN), 503, "recovering")

    assert_problem(await client.buy(event.seat()), 404, "event-not-found")
    assert_problem(await client.schedule(event), 404, "venue-not-found")
    assert_problem(await client.cancel(ticket, **ADMIN), 404, "ticket-not-found")


async def test_a_full_outbox_is_overload(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale(zone_body(rowCount=OUTBOX_MAX + 1, colCount=2))
    sold = await client.bought(event.seat())
    orders = [event.seat(str(row), "b") for row in range(1, OUTBOX_MAX + 2)]
    while (answer := await client.buy(orders.pop())).status_code == 201:
        pass

    assert_problem(answer, 503, "overloaded")
    assert len(redis_state.outbox(partition_of(event.event_id))) == OUTBOX_MAX
    with redis_state.unchanged():
        assert_problem(await client.buy(event.seat("2", "a"), key=unique("key")), 503, "overloaded")
        assert_problem(await client.cancel(sold), 503, "overloaded")
        assert_problem(await client.schedule(event), 503, "overloaded")
    assert_problem(await client.buy(event.seat(eventId="unheard-of")), 404, "event-not-found")
    publish_all(redis_state)
    assert (await client.cancel(sold)).status_code == 200
    assert (await client.buy(event.seat("2", "a"))).status_code == 201


@pytest.mark.parametrize(
    ("setting", "value", "slug"), [("maxmemory", 1, "overloaded"), ("min-replicas-to-write", 1, "recovering")]
)
async def test_a_redis_that_cannot_write_does_nothing(
    client: PurchaseClient, redis_state: RedisState, setting: str, value: int, slug: str
) -> None:
    event = await client.put_on_sale()
    ticket = await client.bought(event.seat())

    redis_state.redis.config_set(setting, value)
    try:
        with redis_state.unchanged():
            assert_problem(await client.buy(event.seat("2"), key=unique("key")), 503, slug)
            assert_problem(await client.cancel(ticket), 503, slug)
            assert_problem(await client.define(event.venue_id), 503, slug)
            assert_problem(await client.schedule(EventOnSale(event.venue_id, unique("event"))), 503, slug)
    finally:
        redis_state.redis.config_set(setting, 0)

    assert (await client.buy(event.seat("2"))).status_code == 201


async def test_an_admin_call_at_a_full_outbox_is_overload(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale()
    while (await client.define(event.venue_id)).status_code == 200:
        pass

    with redis_state.unchanged():
        answer = await client.define(event.venue_id, zone_body(1), zone_body(2))

    assert_problem(answer, 503, "overloaded")


async def test_a_purchase_that_redis_does_not_answer_has_an_unknown_outcome(
    client: PurchaseClient, redis_state: RedisState, silenceable_redis: RunningServer
) -> None:
    event, key = await client.put_on_sale(), unique("key")
    await client.bought(event.seat("5"))

    with silent(silenceable_redis):
        unknown = await client.buy(event.seat(), key=key)
    assert_problem(unknown, 504, "outcome-unknown")

    truth = await client.buy(event.seat(), key=key)
    again = await client.buy(event.seat(), key=key)

    assert (truth.status_code, again.status_code) == (201, 201)
    assert truth.content == again.content
    assert sales(redis_state, event) == 2


async def test_later_calls_during_a_silence_of_redis_wait_no_longer_than_the_first(
    client: PurchaseClient, redis_state: RedisState, silenceable_redis: RunningServer
) -> None:
    event = await client.put_on_sale(zone_body(rowCount=4, colCount=8))
    await client.bought(event.seat("4"))
    orders = [(event.seat(str(row), column), unique("key")) for row in (1, 2, 3) for column in "abcdefgh"]
    before = await calls_begun(client)

    async def both_calls_are_under_way() -> bool:
        return await calls_begun(client) == before + 2

    with silent(silenceable_redis):
        first = [asyncio.create_task(client.buy(order, key=key)) for order, key in orders[:8]]
        await wait_until(both_calls_are_under_way)
        async with open_client(str(client.http.base_url), timeout_seconds=4) as impatient:
            late = await asyncio.gather(*(impatient.buy(order, key=key) for order, key in orders[8:]))
        answers = [*await asyncio.gather(*first), *late]
    for answer in answers:
        assert_problem(answer, 504, "outcome-unknown")

    truths = await asyncio.gather(*(client.buy(order, key=key) for order, key in orders))

    assert {truth.status_code for truth in truths} == {201}
    assert len({truth.json()["ticketId"] for truth in truths}) == 24
    assert sales(redis_state, event) == 25


async def test_a_call_that_fails_at_its_first_read_does_nothing(
    client: PurchaseClient, silenceable_redis: RunningServer
) -> None:
    event = await client.put_on_sale()
    ticket = await client.bought(event.seat())

    with silent(silenceable_redis):
        answers = await asyncio.gather(
            client.cancel(ticket), client.buy(event.seat(eventId="unheard-of")), client.schedule(event)
        )

    for answer in answers:
        assert_problem(answer, 503, "recovering")
    assert (await client.cancel(ticket, **ADMIN)).status_code == 200


async def test_a_definition_that_redis_does_not_answer_has_an_unknown_outcome(
    client: PurchaseClient, redis_state: RedisState, silenceable_redis: RunningServer
) -> None:
    event = await client.put_on_sale()

    with silent(silenceable_redis):
        assert_problem(await client.define(event.venue_id, zone_body(1), zone_body(2)), 504, "outcome-unknown")

    assert (await client.define(event.venue_id, zone_body(1), zone_body(2))).status_code == 200
    redis_state.assert_agreement(event.venue_id, event.event_id)


async def test_a_redis_that_was_killed_comes_back_with_every_sale(
    client: PurchaseClient, redis_state: RedisState, silenceable_redis: RunningServer
) -> None:
    event, key = await client.put_on_sale(), unique("key")
    sold = await client.bought(event.seat())
    silenceable_redis.kill()
    unknown = await client.buy(event.seat("2"), key=key)
    silenceable_redis.start()

    assert_problem(unknown, 504, "outcome-unknown")
    assert_problem(await client.buy(event.seat()), 409, "seat-taken")
    assert (await client.buy(event.seat("2"), key=key)).status_code == 201
    assert sales(redis_state, event) == 2
    assert (await client.cancel(sold)).status_code == 200
