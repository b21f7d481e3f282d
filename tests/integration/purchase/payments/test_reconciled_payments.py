"""A payment that its hold needs is continued; any other is voided, or refunded once."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from contracts.payment import PaymentRefunded
from purchase.holds.hold import Hold, reference_of
from purchase.providers import Authorisation
from purchase.store import keys
from redis import Redis

from tests.stage.builders import hold
from tests.stage.payment_scenario import PARTITION, PaymentScenario, payment_scenario
from tests.stage.sandboxes import Sandbox

OLDER = 7
"""An attempt that the hold never began."""


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    with Redis.from_url(redis_url) as own:
        yield own


@pytest.fixture
async def scenario(redis_url: str, client: Any, sandbox: Sandbox) -> AsyncIterator[PaymentScenario]:
    async with payment_scenario(redis_url, client, sandbox) as scenario:
        yield scenario


@pytest.fixture
async def paying(scenario: PaymentScenario) -> Hold:
    """A hold whose payment is authorised."""
    held = await scenario.hold()
    assert held is not None
    await scenario.process().cashier.pay(held.hold_id, "pm_card_visa", None)
    return held


async def payment_for(scenario: PaymentScenario, held: Hold, method: str, *, attempt: int = OLDER) -> str:
    """Make a payment that is not recorded for the hold; return its id."""
    wanted = Authorisation(hold_id=held.hold_id, attempt=attempt, amount_cents=4_000, currency="USD", method=method)
    return (await scenario.provider.authorise(wanted)).id


def refunds_published(scenario: PaymentScenario) -> list[PaymentRefunded]:
    return [message for message in scenario.invariants().messages if isinstance(message, PaymentRefunded)]


async def test_an_older_attempt_s_payment_is_voided(scenario: PaymentScenario, paying: Hold, sandbox: Sandbox) -> None:
    payment_id = await payment_for(scenario, paying, "pm_card_visa")

    for _ in range(2):
        await scenario.process().cashier.reconcile(payment_id, paying.hold_id)

    assert sandbox.entry(payment_id)["status"] == "canceled"
    assert refunds_published(scenario) == []


async def test_an_older_attempt_s_money_is_refunded_and_published_once(
    scenario: PaymentScenario, paying: Hold, sandbox: Sandbox
) -> None:
    payment_id = await payment_for(scenario, paying, "pm_sandbox_automatic")

    for _ in range(3):
        await scenario.process().cashier.reconcile(payment_id, paying.hold_id)

    entry = sandbox.entry(payment_id)
    assert (entry["captured"], entry["refunded"], entry["refunds"]) == (4_000, 4_000, 1)
    [refund] = refunds_published(scenario)
    assert (refund.id, refund.data.payment) == (f"{payment_id}:refunded:late", payment_id)
    assert (refund.data.amount_cents, refund.data.hold) == (4_000, reference_of(paying.hold_id))
    assert refund.data.ticket_id is None


async def test_a_part_that_the_provider_s_staff_has_refunded_is_not_refunded_again(
    scenario: PaymentScenario, paying: Hold, sandbox: Sandbox
) -> None:
    payment_id = await payment_for(scenario, paying, "pm_sandbox_automatic")
    sandbox.refund(payment_id, 1_000)

    await scenario.process().cashier.reconcile(payment_id, paying.hold_id)

    assert sandbox.entry(payment_id)["refunded"] == 4_000
    assert len(refunds_published(scenario)) == 1


async def test_a_payment_that_its_hold_needs_sells_the_seats(
    scenario: PaymentScenario, paying: Hold, sandbox: Sandbox
) -> None:
    [payment] = scenario.payments()

    await scenario.process().cashier.reconcile(payment["id"], paying.hold_id)

    assert sandbox.entry(payment["id"])["captured"] == paying.amount_cents
    scenario.invariants().assert_hold()


async def test_a_payment_that_has_bought_its_seats_is_kept(
    scenario: PaymentScenario, paying: Hold, sandbox: Sandbox
) -> None:
    await scenario.process().cashier.confirm(paying.hold_id)
    [payment] = scenario.payments()

    await scenario.process().cashier.reconcile(payment["id"], paying.hold_id)

    assert sandbox.entry(payment["id"])["refunded"] == 0
    scenario.invariants().assert_hold()


async def test_money_is_kept_when_its_hold_was_sold_and_deleted_long_ago(
    scenario: PaymentScenario, paying: Hold, client: Any, sandbox: Sandbox
) -> None:
    await scenario.process().cashier.confirm(paying.hold_id)
    [payment] = scenario.payments()
    client.delete(keys.hold(PARTITION, paying.hold_id.bytes))

    await scenario.process().cashier.reconcile(payment["id"], paying.hold_id)

    assert sandbox.entry(payment["id"])["refunded"] == 0


async def test_an_authorisation_whose_hold_is_deleted_is_voided(scenario: PaymentScenario, sandbox: Sandbox) -> None:
    deleted = hold()
    payment_id = await payment_for(scenario, deleted, "pm_card_visa")

    await scenario.process().cashier.reconcile(payment_id, deleted.hold_id)

    assert sandbox.entry(payment_id)["status"] == "canceled"


async def test_a_payment_that_names_another_hold_is_left_alone(
    scenario: PaymentScenario, paying: Hold, sandbox: Sandbox
) -> None:
    payment_id = await payment_for(scenario, hold(), "pm_card_visa")

    await scenario.process().cashier.reconcile(payment_id, paying.hold_id)

    assert sandbox.entry(payment_id)["status"] == "requires_capture"
