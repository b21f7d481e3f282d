"""A process is killed at every step of a payment, and another one finishes from Redis alone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from itertools import count

import pytest
from purchase.holds.hold import Hold
from purchase.store.connection import connect
from redis import Redis

from tests.stage.builders import PAYMENT_MS
from tests.stage.interleaving import Killed
from tests.stage.payment_process import PaymentProcess
from tests.stage.payment_scenario import EXPECTED, PaymentScenario
from tests.stage.redis_state import RedisState
from tests.stage.sandboxes import Sandbox
from tests.stage.sellers import prepare, selling
from tests.stage.stores import isolation


@pytest.fixture(scope="module")
def redis_url(redis_server: str) -> Iterator[str]:
    """A Redis for this file."""
    with isolation.empty_redis(redis_server) as url:
        yield url


@pytest.fixture(scope="module")
def redis_state(redis_url: str) -> Iterator[RedisState]:
    """The state in that Redis."""
    with Redis.from_url(redis_url) as redis:
        yield RedisState(redis)


@pytest.fixture(scope="module")
def begin(redis_url: str, redis_state: RedisState) -> Callable[[], None]:
    """Return a function that resets Redis to one event on sale."""

    async def put_on_sale() -> None:
        await prepare(redis_url)
        async with selling(redis_url) as seller:
            await seller.put_on_sale("Gala")

    asyncio.run(put_on_sale())
    everything = redis_state.everything()
    return lambda: redis_state.restore(everything)


@pytest.fixture
async def scenario(redis_url: str, redis_state: RedisState, sandbox: Sandbox) -> AsyncIterator[PaymentScenario]:
    client = connect(redis_url)
    scenario = PaymentScenario(client, redis_state.redis, sandbox)
    yield scenario
    await scenario.close()
    await client.aclose()


Story = Callable[[PaymentScenario, PaymentProcess, Hold], Awaitable[None]]
"""A customer's calls; each may be refused."""


async def pays(process: PaymentProcess, hold: Hold, method: str | None) -> None:
    with suppress(*EXPECTED):
        await process.cashier.pay(hold.hold_id, method, None)


async def confirms(process: PaymentProcess, hold: Hold) -> None:
    with suppress(*EXPECTED):
        await process.cashier.confirm(hold.hold_id)


async def releases(process: PaymentProcess, hold: Hold) -> None:
    with suppress(*EXPECTED):
        await process.cashier.release(hold.hold_id)


def paying(*methods: str | None) -> Story:
    """Pay by each of these methods, then confirm."""

    async def story(_: PaymentScenario, process: PaymentProcess, hold: Hold) -> None:
        for method in methods:
            await pays(process, hold, method)
        await confirms(process, hold)

    return story


def paying_and_leaving(method: str | None) -> Story:
    async def story(_: PaymentScenario, process: PaymentProcess, hold: Hold) -> None:
        await pays(process, hold, method)

    return story


def paying_and_releasing(method: str | None) -> Story:
    async def story(_: PaymentScenario, process: PaymentProcess, hold: Hold) -> None:
        await pays(process, hold, method)
        await releases(process, hold)

    return story


def decided_late(outcome: str) -> Story:
    """Let the bank decide after the deadline of the payment."""

    async def story(scenario: PaymentScenario, process: PaymentProcess, hold: Hold) -> None:
        await pays(process, hold, "pm_sandbox_processing")
        scenario.pass_time(PAYMENT_MS)
        with suppress(*EXPECTED):
            await process.cashier.finish_hold(hold.hold_id)
        scenario.bank_decides(outcome)
        with suppress(*EXPECTED):
            await process.cashier.finish_hold(hold.hold_id)

    return story


async def bank_decides(scenario: PaymentScenario, process: PaymentProcess, hold: Hold) -> None:
    """Let the bank decide while the customer waits."""
    await pays(process, hold, "pm_sandbox_processing")
    await confirms(process, hold)
    scenario.bank_decides("authorised")
    await confirms(process, hold)


async def authenticates(scenario: PaymentScenario, process: PaymentProcess, hold: Hold) -> None:
    await pays(process, hold, "pm_card_authenticationRequired")
    scenario.customers_authenticate()
    await confirms(process, hold)


async def seats_are_rebuilt(scenario: PaymentScenario, process: PaymentProcess, hold: Hold) -> None:
    """Begin a new epoch, in which the seats that were held before are no longer the hold's."""
    await pays(process, hold, "pm_card_visa")
    scenario.begin_epoch()
    await confirms(process, hold)
    await confirms(process, hold)


STORIES: dict[str, Story] = {
    "paid": paying("pm_card_visa"),
    "declined": paying("pm_card_visa_chargeDeclined"),
    "declined, then paid": paying("pm_card_visa_chargeDeclined", "pm_card_visa"),
    "another method": paying("pm_card_authenticationRequired", "pm_card_visa"),
    "by the customer, who does nothing": paying(None),
    "captured at once": paying("pm_sandbox_automatic"),
    "capture refused": paying("pm_sandbox_capture_refused"),
    "answers lost": paying("pm_sandbox_answer_lost"),
    "authorised and left": paying_and_leaving("pm_card_visa"),
    "authorised and released": paying_and_releasing("pm_card_visa"),
    "captured and released": paying_and_releasing("pm_sandbox_automatic"),
    "undecided and released": paying_and_releasing("pm_card_authenticationRequired"),
    "authenticated": authenticates,
    "decided meanwhile": bank_decides,
    "seats gone": seats_are_rebuilt,
    "captured late": decided_late("captured"),
    "authorised late": decided_late("authorised"),
    "declined late": decided_late("declined"),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
@pytest.mark.parametrize("who", ["nobody", "the customer"])
async def test_a_hold_that_a_killed_process_leaves_behind_is_finished(
    begin: Callable[[], None], scenario: PaymentScenario, story: Story, who: str
) -> None:
    """Kill the process before its first, its second, … step.

    Then nobody returns, or the customer repeats all calls.
    """
    for commands_max in count():
        begin()
        hold = await scenario.hold()
        assert hold is not None
        process = scenario.process(commands_max=commands_max)
        was_killed = False
        try:
            await story(scenario, process, hold)
        except Killed:
            was_killed = True
        if was_killed and who == "the customer":
            await story(scenario, scenario.process(), hold)
        await scenario.finish_all()
        scenario.invariants().assert_hold()
        if not was_killed:
            return
