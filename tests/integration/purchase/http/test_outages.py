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

from tests.stage.http_client import ADMIN, Show, Window, open_window, unique, zone
from tests.stage.problems import assert_problem
from tests.stage.processes.purchase import prepare, serving
from tests.stage.redis_state import Ledger, partition_of
from tests.stage.stores import stores

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
async def window(process: RunningServer) -> AsyncIterator[Window]:
    async with open_window(process.url, timeout_seconds=PATIENCE_SECONDS) as window:
        yield window


@pytest.fixture
def ledger(silenceable_redis: RunningServer) -> Iterator[Ledger]:
    """The state of that Redis; its outboxes start empty, as if a relay had just published them."""
    with Redis.from_url(silenceable_redis.url) as redis:
        ledger = Ledger(redis)
        publish_all(ledger)
        yield ledger


def publish_all(ledger: Ledger) -> None:
    """Delete all messages, as a relay does once they are confirmed."""
    for name in ledger.redis.scan_iter(match="*:outbox"):
        for position, _ in ledger.redis.xrange(name):
            ledger.redis.xdel(name, position)


@contextmanager
def removed(ledger: Ledger, name: str) -> Iterator[None]:
    """Remove a key from Redis for a while."""
    ledger.redis.rename(name, f"removed {name}")
    try:
        yield
    finally:
        ledger.redis.rename(f"removed {name}", name)


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


async def calls_begun(window: Window) -> float:
    """Return how many calls to the sale script this process has begun."""
    metrics = (await window.http.get("/metrics")).text.splitlines()
    (count,) = [line.split()[1] for line in metrics if line.startswith("orders_joined_count")]
    return float(count)


async def is_ready(window: Window) -> bool:
    return (await window.http.get("/health/ready")).status_code == 200


def sales(ledger: Ledger, show: Show) -> int:
    sold = [message for message in ledger.messages() if isinstance(message, TicketPurchased)]
    return sum(message.data.event_id == show.event_id for message in sold)


@pytest.mark.parametrize("key", [keys.outbox, keys.epoch], ids=["outbox", "epoch"])
async def test_a_partition_that_lost_its_clock_changes_nothing(
    window: Window, ledger: Ledger, key: Callable[[int], str]
) -> None:
    show = await window.stage()
    ticket = await window.bought(show.seat())

    with removed(ledger, key(partition_of(show.event_id))), ledger.unchanged():
        assert_problem(await window.buy(show.seat("2")), 503, "recovering")
        assert_problem(await window.buy(show.seat("2"), key=unique("key")), 503, "recovering")
        assert_problem(await window.buy(show.seat(), key=unique("key")), 503, "recovering")
        assert_problem(await window.cancel(ticket), 503, "recovering")
        assert_problem(await window.schedule(show, name="Renamed"), 503, "recovering")
        assert not await is_ready(window)

    assert await is_ready(window)
    assert (await window.buy(show.seat("2"))).status_code == 201


async def test_the_other_partitions_continue_to_sell(window: Window, ledger: Ledger) -> None:
    show, other = await window.stage(), await window.stage()
    while partition_of(other.event_id) == partition_of(show.event_id):
        other = await window.stage()

    with removed(ledger, keys.outbox(partition_of(show.event_id))):
        assert_problem(await window.buy(show.seat()), 503, "recovering")

        assert (await window.buy(other.seat())).status_code == 201


async def test_a_venue_whose_partition_lost_its_clock_is_not_defined(window: Window, ledger: Ledger) -> None:
    venue_id = unique("venue")

    with removed(ledger, keys.outbox(partition_of(venue_id))), ledger.unchanged():
        assert_problem(await window.define(venue_id), 503, "recovering")

    assert (await window.define(venue_id)).status_code == 201


async def test_a_redis_that_was_rolled_back_sells_nothing(window: Window, ledger: Ledger) -> None:
    show = await window.stage()
    outbox = keys.outbox(partition_of(show.event_id))
    before = ledger.redis.dump(outbox)
    await window.bought(show.seat())

    with removed(ledger, outbox):
        ledger.redis.restore(outbox, 0, before)
        with ledger.unchanged():
            assert_problem(await window.buy(show.seat("2")), 503, "recovering")
        ledger.redis.delete(outbox)

    assert (await window.buy(show.seat("2"))).status_code == 201


async def test_a_redis_that_lost_everything_sells_nothing(window: Window, ledger: Ledger) -> None:
    show = await window.stage()
    ticket = await window.bought(show.seat())

    ledger.redis.swapdb(0, 1)
    try:
        with ledger.unchanged():
            assert_problem(await window.buy(show.seat("2")), 503, "recovering")
            assert_problem(await window.cancel(ticket), 503, "recovering")
            assert not await is_ready(window)
    finally:
        ledger.redis.swapdb(0, 1)

    assert (await window.buy(show.seat("2"))).status_code == 201


async def test_a_partition_that_lost_its_clock_never_answers_404(window: Window, ledger: Ledger) -> None:
    show = Show(unique("venue"), unique("event"))
    homes = {partition_of(show.venue_id), partition_of(show.event_id)}
    ticket = {"ticketId": str(mint_id(partition_of(show.event_id)))}

    with ExitStack() as stack:
        for home in homes:
            stack.enter_context(removed(ledger, keys.outbox(home)))
        assert_problem(await window.buy(show.seat()), 503, "recovering")
        assert_problem(await window.schedule(show), 503, "recovering")
        assert_problem(await window.cancel(ticket, **ADMIN), 503, "recovering")

    assert_problem(await window.buy(show.seat()), 404, "event-not-found")
    assert_problem(await window.schedule(show), 404, "venue-not-found")
    assert_problem(await window.cancel(ticket, **ADMIN), 404, "ticket-not-found")


async def test_a_full_outbox_is_overload(window: Window, ledger: Ledger) -> None:
    show = await window.stage(zone(rowCount=OUTBOX_MAX + 1, colCount=2))
    sold = await window.bought(show.seat())
    orders = [show.seat(str(row), "b") for row in range(1, OUTBOX_MAX + 2)]
    while (answer := await window.buy(orders.pop())).status_code == 201:
        pass

    assert_problem(answer, 503, "overloaded")
    assert len(ledger.outbox(partition_of(show.event_id))) == OUTBOX_MAX
    with ledger.unchanged():
        assert_problem(await window.buy(show.seat("2", "a"), key=unique("key")), 503, "overloaded")
        assert_problem(await window.cancel(sold), 503, "overloaded")
        assert_problem(await window.schedule(show), 503, "overloaded")
    assert_problem(await window.buy(show.seat(eventId="unheard-of")), 404, "event-not-found")
    publish_all(ledger)
    assert (await window.cancel(sold)).status_code == 200
    assert (await window.buy(show.seat("2", "a"))).status_code == 201


@pytest.mark.parametrize(
    ("setting", "value", "slug"), [("maxmemory", 1, "overloaded"), ("min-replicas-to-write", 1, "recovering")]
)
async def test_a_redis_that_cannot_write_does_nothing(
    window: Window, ledger: Ledger, setting: str, value: int, slug: str
) -> None:
    show = await window.stage()
    ticket = await window.bought(show.seat())

    ledger.redis.config_set(setting, value)
    try:
        with ledger.unchanged():
            assert_problem(await window.buy(show.seat("2"), key=unique("key")), 503, slug)
            assert_problem(await window.cancel(ticket), 503, slug)
            assert_problem(await window.define(show.venue_id), 503, slug)
            assert_problem(await window.schedule(Show(show.venue_id, unique("event"))), 503, slug)
    finally:
        ledger.redis.config_set(setting, 0)

    assert (await window.buy(show.seat("2"))).status_code == 201


async def test_an_admin_call_at_a_full_outbox_is_overload(window: Window, ledger: Ledger) -> None:
    show = await window.stage()
    while (await window.define(show.venue_id)).status_code == 200:
        pass

    with ledger.unchanged():
        answer = await window.define(show.venue_id, zone(1), zone(2))

    assert_problem(answer, 503, "overloaded")


async def test_a_purchase_that_redis_does_not_answer_has_an_unknown_outcome(
    window: Window, ledger: Ledger, silenceable_redis: RunningServer
) -> None:
    show, key = await window.stage(), unique("key")
    await window.bought(show.seat("5"))

    with silent(silenceable_redis):
        unknown = await window.buy(show.seat(), key=key)
    assert_problem(unknown, 504, "outcome-unknown")

    truth = await window.buy(show.seat(), key=key)
    again = await window.buy(show.seat(), key=key)

    assert (truth.status_code, again.status_code) == (201, 201)
    assert truth.content == again.content
    assert sales(ledger, show) == 2


async def test_later_calls_during_a_silence_of_redis_wait_no_longer_than_the_first(
    window: Window, ledger: Ledger, silenceable_redis: RunningServer
) -> None:
    show = await window.stage(zone(rowCount=4, colCount=8))
    await window.bought(show.seat("4"))
    orders = [(show.seat(str(row), column), unique("key")) for row in (1, 2, 3) for column in "abcdefgh"]
    before = await calls_begun(window)

    async def both_calls_are_under_way() -> bool:
        return await calls_begun(window) == before + 2

    with silent(silenceable_redis):
        first = [asyncio.create_task(window.buy(order, key=key)) for order, key in orders[:8]]
        await wait_until(both_calls_are_under_way)
        async with open_window(str(window.http.base_url), timeout_seconds=4) as impatient:
            late = await asyncio.gather(*(impatient.buy(order, key=key) for order, key in orders[8:]))
        answers = [*await asyncio.gather(*first), *late]
    for answer in answers:
        assert_problem(answer, 504, "outcome-unknown")

    truths = await asyncio.gather(*(window.buy(order, key=key) for order, key in orders))

    assert {truth.status_code for truth in truths} == {201}
    assert len({truth.json()["ticketId"] for truth in truths}) == 24
    assert sales(ledger, show) == 25


async def test_a_call_that_fails_at_its_first_read_does_nothing(
    window: Window, silenceable_redis: RunningServer
) -> None:
    show = await window.stage()
    ticket = await window.bought(show.seat())

    with silent(silenceable_redis):
        answers = await asyncio.gather(
            window.cancel(ticket), window.buy(show.seat(eventId="unheard-of")), window.schedule(show)
        )

    for answer in answers:
        assert_problem(answer, 503, "recovering")
    assert (await window.cancel(ticket, **ADMIN)).status_code == 200


async def test_a_definition_that_redis_does_not_answer_has_an_unknown_outcome(
    window: Window, ledger: Ledger, silenceable_redis: RunningServer
) -> None:
    show = await window.stage()

    with silent(silenceable_redis):
        assert_problem(await window.define(show.venue_id, zone(1), zone(2)), 504, "outcome-unknown")

    assert (await window.define(show.venue_id, zone(1), zone(2))).status_code == 200
    ledger.assert_settled(show.venue_id, show.event_id)


async def test_a_redis_that_was_killed_comes_back_with_every_sale(
    window: Window, ledger: Ledger, silenceable_redis: RunningServer
) -> None:
    show, key = await window.stage(), unique("key")
    sold = await window.bought(show.seat())
    silenceable_redis.kill()
    unknown = await window.buy(show.seat("2"), key=key)
    silenceable_redis.start()

    assert_problem(unknown, 504, "outcome-unknown")
    assert_problem(await window.buy(show.seat()), 409, "seat-taken")
    assert (await window.buy(show.seat("2"), key=key)).status_code == 201
    assert sales(ledger, show) == 2
    assert (await window.cancel(sold)).status_code == 200
