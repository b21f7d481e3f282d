"""Beginning a payment: the answer, and the hold, which outlives every failure."""

import asyncio
from uuid import UUID

import pytest
from contracts.hold import SeatsHeld
from purchase.holds.hold import reference_of

from tests.stage.builders import HOLD_MS
from tests.stage.clock import pass_time_of_event
from tests.stage.hold_records import payment_of, payments_of, seat_messages, unchanged_hold
from tests.stage.http_client import EventOnSale, Json, PurchaseClient, zone_body
from tests.stage.problems import assert_problem
from tests.stage.redis_state import RedisState
from tests.stage.sandboxes import Sandbox

pytestmark = pytest.mark.at_the_sandbox


async def test_after_a_declined_payment_the_hold_is_kept_for_another_attempt(
    client: PurchaseClient, hold: Json, sandbox: Sandbox
) -> None:
    declined = await client.pay(hold, "pm_card_visa_chargeDeclinedInsufficientFunds")

    assert_problem(declined, 402, "payment-declined", code="insufficient_funds")
    assert (await client.get_hold(hold)).json()["status"] == "HELD"
    assert_problem(await client.confirm(hold), 402, "payment-required", code="insufficient_funds")
    await client.confirmed(hold)
    assert payment_of(sandbox, hold)["metadata"]["attempt"] == "2"


async def test_a_message_says_until_when_the_seats_are_kept(
    client: PurchaseClient, event: EventOnSale, hold: Json, redis_state: RedisState
) -> None:
    assert (await client.pay(hold, "pm_card_visa_chargeDeclined")).status_code == 402
    held = (await client.get_hold(hold)).json()

    messages = seat_messages(redis_state, event, SeatsHeld)

    reference = reference_of(UUID(hold["holdId"]))
    assert [message.id for message in messages] == [f"{reference}:{version}" for version in (1, 2, 3)]
    assert [message.data.expires_at for message in messages][::2] == [hold["expiresAt"], held["expiresAt"]]
    assert messages[1].data.expires_at > messages[2].data.expires_at


async def test_a_second_call_returns_the_payment_under_way(
    client: PurchaseClient, hold: Json, sandbox: Sandbox
) -> None:
    first = await client.pay(hold)

    again = await client.pay(hold)
    another_card = await client.pay(hold, "pm_card_mastercard")

    assert again.json() == another_card.json() == first.json()
    assert payment_of(sandbox, hold)["id"] == first.json()["paymentId"]


async def test_another_method_replaces_a_payment_that_waits_for_its_customer(
    client: PurchaseClient, hold: Json, sandbox: Sandbox
) -> None:
    first = (await client.pay(hold, "pm_card_authenticationRequired")).json()

    second = await client.pay(hold, "pm_card_visa")

    assert second.json()["paymentId"] != first["paymentId"]
    assert sandbox.entry(first["paymentId"])["status"] == "canceled"
    assert (await client.confirm(hold)).status_code == 201


async def test_no_payment_begins_for_seats_that_cost_nothing(
    client: PurchaseClient, sandbox: Sandbox, redis_state: RedisState
) -> None:
    event = await client.put_on_sale(zone_body(ticketPrice=0))
    hold = await client.held(event.hold())

    with unchanged_hold(redis_state, hold):
        assert_problem(await client.pay(hold), 402, "payment-declined", code="nothing_to_pay")

    assert payments_of(sandbox, hold) == []
    pass_time_of_event(redis_state, event, HOLD_MS)
    assert_problem(await client.pay(hold), 410, "hold-expired")
    assert_problem(await client.confirm(hold), 410, "hold-expired")


async def test_an_amount_below_the_provider_s_minimum_is_declined_and_the_hold_is_kept(client: PurchaseClient) -> None:
    event = await client.put_on_sale(zone_body(ticketPrice=0.3))
    hold = await client.held(event.hold("1a"))

    assert_problem(await client.pay(hold), 402, "payment-declined", code="amount_too_small")
    assert (await client.get_hold(hold)).json()["status"] == "HELD"

    await client.confirmed(await client.held(event.hold("1b", "1c")))


async def test_while_the_provider_is_unavailable_the_hold_is_kept_and_nothing_is_bought(
    client: PurchaseClient, hold: Json, sandbox: Sandbox
) -> None:
    with sandbox.misbehaving("busy"):
        assert_problem(await client.pay(hold), 503, "payment-unavailable")
        assert (await client.get_hold(hold)).json()["status"] == "HELD"

    await client.confirmed(hold)
    assert payment_of(sandbox, hold)["metadata"]["attempt"] == "2"


async def test_a_provider_that_does_not_answer_delays_no_other_call(
    client: PurchaseClient, event: EventOnSale, hold: Json, sandbox: Sandbox
) -> None:
    others = [await client.held(event.hold(f"{row}c")) for row in (2, 3, 4)]
    sandbox.process.pause()
    try:
        paying = [asyncio.create_task(client.pay(held)) for held in [hold, *others]]
        for column in "defgh":
            await client.bought(event.seat("5", column))
        assert not any(task.done() for task in paying)
    finally:
        sandbox.process.resume()
    assert {answer.status_code for answer in await asyncio.gather(*paying)} == {201}
