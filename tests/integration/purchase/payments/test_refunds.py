"""An undone purchase is refunded once, despite provider failures, crashes and repeated calls."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from itertools import count
from typing import Any

import pytest
from contracts.payment import PaymentRefunded
from purchase.holds.hold import reference_of
from purchase.payments.cashier import Confirmed
from purchase.seats.ticket import Ticket
from purchase.store.connection import connect
from redis import Redis

from tests.stage.builders import order
from tests.stage.interleaving import Killed
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
def everything(redis_url: str, redis_state: RedisState) -> dict[bytes, bytes]:
    """Every key of a Redis with one event on sale."""

    async def put_on_sale() -> None:
        await prepare(redis_url)
        async with selling(redis_url) as seller:
            await seller.put_on_sale("Gala")

    asyncio.run(put_on_sale())
    return redis_state.everything()


@pytest.fixture
def begin(everything: dict[bytes, bytes], redis_state: RedisState, sandbox: Sandbox) -> Callable[[], None]:
    """Return a function that resets Redis to that, and the provider to normal."""

    def begin() -> None:
        redis_state.restore(everything)
        sandbox.misbehave(None)

    begin()
    return begin


@pytest.fixture
async def scenario(redis_url: str, redis_state: RedisState, sandbox: Sandbox) -> AsyncIterator[PaymentScenario]:
    client = connect(redis_url)
    scenario = PaymentScenario(client, redis_state.redis, sandbox)
    yield scenario
    await scenario.close()
    await client.aclose()


async def buy(scenario: PaymentScenario, method: str = "pm_card_visa") -> list[Ticket]:
    """Buy two tickets, at 25.00 and 15.00."""
    hold, process = await scenario.hold(), scenario.process()
    assert hold is not None
    await process.cashier.pay(hold.hold_id, method, None)
    confirmed = await process.cashier.confirm(hold.hold_id)
    assert isinstance(confirmed, Confirmed)
    return confirmed.tickets


def refunds_published(scenario: PaymentScenario) -> list[Any]:
    return [message.data for message in scenario.invariants().messages if isinstance(message, PaymentRefunded)]


def refunded(scenario: PaymentScenario) -> tuple[int, int]:
    """Return how much of the payment was refunded, and in how many parts."""
    [entry] = scenario.payments()
    return entry["refunded"], entry["refunds"]


def is_anything_due(scenario: PaymentScenario) -> bool:
    return bool(scenario.invariants().stored.due)


@pytest.mark.usefixtures("begin")
async def test_undoing_a_purchase_refunds_it_and_publishes_that(scenario: PaymentScenario) -> None:
    first, second = await buy(scenario)

    await scenario.process().box_office.cancel(first.ticket_id)

    assert refunded(scenario) == (2_500, 1)
    [refund] = refunds_published(scenario)
    [hold] = scenario.invariants().holds
    assert (refund.payment, refund.provider, refund.ticket_id) == (first.payment_id, "sandbox", first.ticket_id)
    assert (refund.hold, refund.event_id) == (reference_of(hold.hold_id), "Gala")
    assert (refund.amount_cents, refund.currency) == (2_500, "USD")
    scenario.invariants().assert_hold()

    await scenario.process().box_office.cancel(second.ticket_id)

    assert refunded(scenario) == (4_000, 2)


@pytest.mark.usefixtures("begin")
async def test_undone_by_many_at_once_it_is_refunded_once(scenario: PaymentScenario) -> None:
    first, _ = await buy(scenario)

    await asyncio.gather(*(scenario.process().box_office.cancel(first.ticket_id) for _ in range(10)))
    await scenario.finish_all()

    assert refunded(scenario) == (2_500, 1)
    assert len(refunds_published(scenario)) == 1
    scenario.invariants().assert_hold()


@pytest.mark.usefixtures("begin")
async def test_a_ticket_that_nobody_paid_for_is_undone_without_a_refund(scenario: PaymentScenario) -> None:
    process = scenario.process()
    direct = order(row=2)
    await process.inventory.sell(direct)

    await process.box_office.cancel(direct.ticket.ticket_id)

    assert not is_anything_due(scenario)
    assert refunds_published(scenario) == []


@pytest.mark.usefixtures("begin")
@pytest.mark.parametrize("mode", ["unavailable", "busy"])
async def test_a_purchase_that_is_undone_while_the_provider_is_unavailable_is_refunded_later(
    scenario: PaymentScenario, sandbox: Sandbox, mode: str
) -> None:
    first, _ = await buy(scenario)
    sandbox.misbehave(mode)

    await scenario.process().box_office.cancel(first.ticket_id)

    assert refunded(scenario) == (0, 0)
    assert scenario.invariants().stored.tickets[first.ticket_id].is_cancelled
    assert is_anything_due(scenario)
    sandbox.misbehave(None)
    await scenario.finish_all()
    assert refunded(scenario) == (2_500, 1)
    scenario.invariants().assert_hold()


@pytest.mark.usefixtures("begin")
async def test_a_refund_that_many_processes_give_at_once_is_published_once(
    scenario: PaymentScenario, sandbox: Sandbox
) -> None:
    first, _ = await buy(scenario)
    sandbox.misbehave("unavailable")
    await scenario.process().box_office.cancel(first.ticket_id)
    sandbox.misbehave(None)

    await asyncio.gather(
        *(scenario.process().refunds.give_refund(first.ticket_id) for _ in range(5)), return_exceptions=True
    )

    await scenario.finish_all()
    assert refunded(scenario) == (2_500, 1)
    scenario.invariants().assert_hold()


@pytest.mark.usefixtures("begin")
async def test_a_refund_whose_answer_was_lost_is_given_once(scenario: PaymentScenario, sandbox: Sandbox) -> None:
    first, _ = await buy(scenario)
    sandbox.misbehave("lost")
    process = scenario.process()

    await process.box_office.cancel(first.ticket_id)

    sandbox.misbehave(None)
    await scenario.finish_all()
    assert refunded(scenario) == (2_500, 1)
    scenario.invariants().assert_hold()


@pytest.mark.parametrize("who", ["nobody", "the customer"])
@pytest.mark.parametrize("method", ["pm_card_visa", "pm_sandbox_answer_lost"])
async def test_a_refund_that_a_killed_process_leaves_behind_is_given_once(
    begin: Callable[[], None], scenario: PaymentScenario, method: str, who: str
) -> None:
    """Kill the process before its first, its second, … step.

    Then nobody returns, or the customer undoes it again.
    """
    for commands_max in count():
        begin()
        first, _ = await buy_through_failures(scenario, method)
        was_killed = await is_killed_undoing(scenario, first, commands_max)
        if who == "the customer":
            await scenario.process().box_office.cancel(first.ticket_id)
        await scenario.finish_all()

        invariants = scenario.invariants()
        invariants.assert_hold()
        was_undone = invariants.stored.tickets[first.ticket_id].is_cancelled
        assert refunded(scenario) == ((2_500, 1) if was_undone else (0, 0))
        if not was_killed:
            return


async def buy_through_failures(scenario: PaymentScenario, method: str) -> list[Ticket]:
    """Buy as `buy` does, while answers get lost."""
    hold = await scenario.hold()
    assert hold is not None
    with suppress(*EXPECTED):
        await scenario.process().cashier.pay(hold.hold_id, method, None)
    await scenario.finish_all()
    confirmed = await scenario.process().cashier.confirm(hold.hold_id)
    assert isinstance(confirmed, Confirmed)
    return confirmed.tickets


async def is_killed_undoing(scenario: PaymentScenario, ticket: Ticket, commands_max: int) -> bool:
    try:
        await scenario.process(commands_max=commands_max).box_office.cancel(ticket.ticket_id)
    except Killed:
        return True
    return False


@pytest.mark.parametrize(
    ("method", "captured", "refunded"), [("pm_card_visa", 4_000, 2_500), ("pm_sandbox_capture_refused", 0, 0)]
)
async def test_a_ticket_whose_money_is_not_taken_yet_is_refunded_after_the_capture(
    begin: Callable[[], None], scenario: PaymentScenario, method: str, captured: int, refunded: int
) -> None:
    """The provider was unavailable after the sale.

    Where it then refuses the capture, nothing is owed.
    """
    begin()
    first = await sell_without_capture(scenario, method)

    await scenario.process().box_office.cancel(first.ticket_id)
    await scenario.finish_all()

    [entry] = scenario.payments()
    assert (entry["authorised"], entry["captured"], entry["refunded"]) == (0, captured, refunded)
    scenario.invariants().assert_hold()


async def sell_without_capture(scenario: PaymentScenario, method: str) -> Ticket:
    """Sell tickets with a process that is killed before it takes the money."""
    hold = await scenario.hold()
    assert hold is not None
    await scenario.process().cashier.pay(hold.hold_id, method, None)
    for commands_max in count():
        with suppress(Killed):
            await scenario.process(commands_max=commands_max).cashier.confirm(hold.hold_id)
        [stored] = scenario.invariants().holds
        if stored.state == "CONFIRMED":
            assert not stored.is_captured
            ticket = await scenario.process().inventory.ticket(stored.ticket_ids[0])
            assert ticket is not None
            return ticket
    raise AssertionError


@pytest.mark.usefixtures("begin")
async def test_a_payment_that_the_provider_s_staff_has_refunded_completely_counts_as_refunded(
    scenario: PaymentScenario, sandbox: Sandbox
) -> None:
    first, second = await buy(scenario)
    sandbox.refund(str(first.payment_id))

    for ticket in (first, second):
        await scenario.process().box_office.cancel(ticket.ticket_id)

    assert refunded(scenario) == (4_000, 1)
    assert [refund.ticket_id for refund in refunds_published(scenario)] == [first.ticket_id, second.ticket_id]


@pytest.mark.usefixtures("begin")
async def test_a_refund_that_the_provider_refuses_for_good_opens_a_case(
    scenario: PaymentScenario, sandbox: Sandbox
) -> None:
    first, _ = await buy(scenario)
    sandbox.refund(str(first.payment_id), 2_000)

    await scenario.process().box_office.cancel(first.ticket_id)

    [opened] = await scenario.process().cases.list_open()
    assert (opened.case.kind, opened.case.ticket_id) == ("refund-refused", first.ticket_id)
    assert (opened.case.payment_id, opened.case.amount_cents) == (first.payment_id, 2_500)
    assert not is_anything_due(scenario)
    assert refunds_published(scenario) == []
