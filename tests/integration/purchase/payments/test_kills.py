"""Purchase processes are killed in the middle of a payment, and another process finishes it.

`test_crashes` stops at every step; here real processes are killed at a few, before or after them.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Literal
from uuid import UUID

import httpx
import pytest
from infra_local.running import RunningServer
from purchase.store import keys
from redis.asyncio.connection import parse_url

from tests.stage.builders import HOLD_MS
from tests.stage.clock import pass_time
from tests.stage.http_client import EventOnSale, Json, PurchaseClient, open_client
from tests.stage.invariants import Invariants
from tests.stage.polling import until
from tests.stage.processes.purchase import Service, serving
from tests.stage.proxy import Proxy, When, listening
from tests.stage.redis_state import RedisState, partition_of
from tests.stage.sandboxes import Sandbox

pytestmark = pytest.mark.at_the_sandbox

Way = Literal["redis", "provider"]
"""The points at which a process is killed: a script about the hold, or a call to the provider."""

Step = tuple[Way, int]
"""Which of these calls, counted from the first of the payment."""

BEGIN: Step = ("redis", 1)
SELL: Step = ("redis", 3)
AUTHORISE: Step = ("provider", 1)
CAPTURE: Step = ("provider", 2)
VOID: Step = ("provider", 2)


@pytest.fixture
async def event(client: PurchaseClient) -> EventOnSale:
    """An event on sale; Redis has every script already, so that none is sent twice."""
    event = await client.put_on_sale()
    await client.confirmed(await client.held(event.hold("5a")))
    given_up = await client.held(event.hold("5b"))
    await client.pay(given_up)
    await client.release(given_up)
    return event


class Victim:
    """A process of its own, with a proxy before Redis and another before the provider."""

    def __init__(self, process: RunningServer, proxies: dict[Way, Proxy], client: PurchaseClient) -> None:
        self._process = process
        self._proxies = proxies
        self.client = client

    def stop_at(self, step: Step, when: When, hold: Json) -> None:
        """Kill it at this step of the payment for the hold."""
        way, number = step
        hold_id = UUID(hold["holdId"])
        marks: dict[Way, bytes] = {"redis": hold_id.bytes, "provider": f"Idempotency-Key: {hold_id}".encode()}
        self._proxies[way].stop_at(marks[way], number, when, lambda: asyncio.to_thread(self._process.kill))


@pytest.fixture
async def victim(service: Service, sandbox: Sandbox) -> AsyncIterator[Victim]:
    redis, provider = parse_url(service.redis_url), httpx.URL(sandbox.url)
    async with AsyncExitStack() as stack:
        proxies: dict[Way, Proxy] = {
            "redis": await stack.enter_async_context(listening(Proxy(redis["host"], redis["port"]))),
            "provider": await stack.enter_async_context(listening(Proxy(provider.host, provider.port or 80))),
        }
        running = serving(
            f"redis://127.0.0.1:{proxies['redis'].port}/0", SANDBOX_URL=f"http://127.0.0.1:{proxies['provider'].port}"
        )
        process = await asyncio.to_thread(running.__enter__)
        stack.push_async_callback(asyncio.to_thread, running.__exit__, None, None, None)
        yield Victim(process, proxies, await stack.enter_async_context(open_client(process.url)))


async def pay_and(then: Callable[[Json], Awaitable[httpx.Response]], client: PurchaseClient, hold: Json) -> None:
    await client.pay(hold)
    await then(hold)


async def assert_finished(redis_state: RedisState, event: EventOnSale, sandbox: Sandbox) -> None:
    """Wait until nothing is due any more, then compare the books."""
    partition = partition_of(event.event_id)
    pass_time(redis_state.redis, partition, ms=HOLD_MS)
    await until(lambda: not redis_state.redis.exists(keys.due(partition)))
    books = await asyncio.to_thread(Invariants, redis_state.redis, partition, sandbox)
    books.assert_hold()


@pytest.mark.parametrize(
    ("step", "when"),
    [
        (BEGIN, "after"),
        (AUTHORISE, "before"),
        (AUTHORISE, "after"),
        (SELL, "after"),
        (CAPTURE, "before"),
        (CAPTURE, "after"),
    ],
)
async def test_a_sale_that_was_interrupted_is_finished(
    client: PurchaseClient,
    event: EventOnSale,
    victim: Victim,
    redis_state: RedisState,
    sandbox: Sandbox,
    step: Step,
    when: When,
) -> None:
    hold = await client.held(event.hold("1a", "1b"))
    victim.stop_at(step, when, hold)

    with pytest.raises(httpx.TransportError):
        await pay_and(victim.client.confirm, victim.client, hold)

    await assert_finished(redis_state, event, sandbox)
    assert (await client.get_hold(hold)).json()["status"] == "CONFIRMED"


@pytest.mark.parametrize(("step", "when"), [(VOID, "before"), (VOID, "after")])
async def test_the_seats_of_an_interrupted_release_are_freed(
    client: PurchaseClient,
    event: EventOnSale,
    victim: Victim,
    redis_state: RedisState,
    sandbox: Sandbox,
    step: Step,
    when: When,
) -> None:
    hold = await client.held(event.hold("1a", "1b"))
    victim.stop_at(step, when, hold)

    with pytest.raises(httpx.TransportError):
        await pay_and(victim.client.release, victim.client, hold)

    await assert_finished(redis_state, event, sandbox)
    assert (await client.get_hold(hold)).json()["status"] == "RELEASED"
