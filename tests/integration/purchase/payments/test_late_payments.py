"""Late, lost or unknown payments: nobody is charged for an expired hold."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from purchase.cases.ledger import Case
from purchase.holds.hold import Hold, HoldSeat
from purchase.holds.ledger import Made, Outcome
from purchase.providers import NoSuchPayment
from purchase.store import keys
from purchase.store.connection import OutcomeUnknown
from redis import Redis

from tests.stage.builders import PAYMENT_MS, held_seat, new_hold
from tests.stage.payment_scenario import PARTITION, PaymentScenario, payment_scenario
from tests.stage.sandboxes import Sandbox


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    with Redis.from_url(redis_url) as own:
        yield own


@pytest.fixture
async def scenario(redis_url: str, client: Any, sandbox: Sandbox) -> AsyncIterator[PaymentScenario]:
    async with payment_scenario(redis_url, client, sandbox) as scenario:
        yield scenario


@pytest.fixture
async def hold(scenario: PaymentScenario) -> Hold:
    held = await scenario.hold()
    assert held is not None
    return held


async def begin_unanswered(scenario: PaymentScenario, hold: Hold, sandbox: Sandbox) -> None:
    """Begin to pay while the provider is unavailable; it is available again afterwards."""
    with sandbox.misbehaving("unavailable"), pytest.raises(OutcomeUnknown):
        await scenario.process().cashier.pay(hold.hold_id, "pm_card_visa", None)


async def state_of(scenario: PaymentScenario, hold: Hold) -> str:
    stored = await scenario.process().holds.find(hold.hold_id)
    assert stored is not None
    return stored.state


async def open_cases(scenario: PaymentScenario) -> list[Case]:
    return [opened.case for opened in await scenario.process().cases.list_open()]


async def test_a_payment_without_an_answer_does_not_buy_after_the_deadline(
    scenario: PaymentScenario, hold: Hold, sandbox: Sandbox
) -> None:
    await begin_unanswered(scenario, hold, sandbox)
    scenario.pass_time(PAYMENT_MS)

    await scenario.finish_all()

    assert await state_of(scenario, hold) == "EXPIRED"
    assert [entry["captured"] for entry in scenario.payments()] == [0]
    scenario.invariants().assert_hold()


async def test_confirming_a_payment_without_an_answer_has_an_unknown_outcome(
    scenario: PaymentScenario, hold: Hold, sandbox: Sandbox
) -> None:
    await begin_unanswered(scenario, hold, sandbox)
    with sandbox.misbehaving("lost"), pytest.raises(OutcomeUnknown):
        await scenario.process().cashier.confirm(hold.hold_id)

    await scenario.finish_all()

    assert await state_of(scenario, hold) == "CONFIRMED"
    scenario.invariants().assert_hold()


@pytest.mark.parametrize("is_given_up", [False, True], ids=["expired", "released"])
async def test_a_payment_that_its_provider_does_not_know_frees_the_seats_and_opens_a_case(
    scenario: PaymentScenario, client: Any, hold: Hold, is_given_up: bool
) -> None:
    await scenario.process().cashier.pay(hold.hold_id, "pm_card_visa", None)
    client.hset(keys.hold(PARTITION, hold.hold_id.bytes), "payment", "pi_deleted")
    if is_given_up:
        await scenario.process().cashier.release(hold.hold_id)
    else:
        with pytest.raises(NoSuchPayment):
            await scenario.process().cashier.finish_hold(hold.hold_id)
        scenario.pass_time(PAYMENT_MS)
        await scenario.finish_all()

    assert await state_of(scenario, hold) == ("RELEASED" if is_given_up else "EXPIRED")
    [case] = await open_cases(scenario)
    assert (case.kind, case.payment_id) == ("unknown-payment", "pi_deleted")
    assert await hold_again(scenario, hold.seats)


async def test_a_second_payment_of_the_same_attempt_is_voided(
    scenario: PaymentScenario, client: Any, hold: Hold, sandbox: Sandbox
) -> None:
    """A provider that deletes keys, perhaps after a day, makes a second payment of one attempt."""
    first = await scenario.process().cashier.pay(hold.hold_id, "pm_card_visa", None)
    client.hset(keys.hold(PARTITION, hold.hold_id.bytes), "payment", "pi_second")

    await scenario.process().cashier.reconcile(first.payment.payment_id, hold.hold_id)

    assert sandbox.entry(first.payment.payment_id)["status"] == "canceled"
    assert await state_of(scenario, hold) == "PAYING"


async def test_seats_that_are_being_paid_for_count_until_the_payment_is_decided(
    scenario: PaymentScenario, hold: Hold
) -> None:
    await scenario.process().cashier.pay(hold.hold_id, "pm_card_visa", None)
    scenario.pass_time(PAYMENT_MS)

    more = new_hold(held_seat(column=3), customer_id="ada", limit=2)

    assert await scenario.process().holds.hold(more) == "LIMIT"


async def hold_again(scenario: PaymentScenario, seats: tuple[HoldSeat, ...]) -> bool:
    outcome: Outcome = await scenario.process().holds.hold(new_hold(*seats))
    return isinstance(outcome, Made)
