"""The end of a hold: nobody pays for seats they do not get, or loses seats they paid for."""

import pytest
from contracts.hold import HoldReleased

from tests.stage.builders import HOLD_MS, PAYMENT_MS
from tests.stage.clock import pass_time_of_event
from tests.stage.hold_records import payment_of, seat_messages, state_of, unchanged_hold
from tests.stage.http_client import EventOnSale, Json, PurchaseClient
from tests.stage.polling import until
from tests.stage.problems import assert_problem
from tests.stage.redis_state import RedisState, partition_of
from tests.stage.sandboxes import Sandbox

pytestmark = pytest.mark.at_the_sandbox


async def test_a_released_hold_cannot_be_paid_for(client: PurchaseClient, event: EventOnSale, hold: Json) -> None:
    assert (await client.release(hold)).status_code == 204

    assert_problem(await client.pay(hold), 410, "hold-expired")
    assert_problem(await client.confirm(hold), 410, "hold-expired")
    await client.bought(event.seat())


async def test_an_expired_hold_cannot_be_paid_for(
    client: PurchaseClient, event: EventOnSale, hold: Json, redis_state: RedisState
) -> None:
    pass_time_of_event(redis_state, event, HOLD_MS)

    assert_problem(await client.pay(hold), 410, "hold-expired")
    assert_problem(await client.confirm(hold), 410, "hold-expired")


async def test_a_paid_hold_can_neither_be_paid_again_nor_released(
    client: PurchaseClient, hold: Json, redis_state: RedisState
) -> None:
    await client.confirmed(hold)

    with unchanged_hold(redis_state, hold):
        assert_problem(await client.pay(hold), 409, "hold-paid")
        assert_problem(await client.release(hold), 409, "hold-paid")


async def test_releasing_a_hold_voids_the_payment_under_way(
    client: PurchaseClient, event: EventOnSale, hold: Json, sandbox: Sandbox, redis_state: RedisState
) -> None:
    await client.pay(hold)

    released = await client.release(hold)

    home = partition_of(event.event_id)
    assert released.status_code == 204
    assert released.headers["consistency-token"] == f"{home}:{redis_state.last_position(home)}"
    assert payment_of(sandbox, hold)["status"] == "canceled"
    assert len(seat_messages(redis_state, event, HoldReleased)) == 1
    assert (await client.release(hold)).status_code == 204
    await client.bought(event.seat())


async def test_money_that_was_captured_for_a_released_hold_is_refunded_once(
    client: PurchaseClient, event: EventOnSale, hold: Json, sandbox: Sandbox
) -> None:
    await client.pay(hold, "pm_sandbox_automatic")

    assert (await client.release(hold)).status_code == 204
    assert (await client.release(hold)).status_code == 204

    payment = payment_of(sandbox, hold)
    assert (payment["captured"], payment["refunded"], payment["refunds"]) == (5_000, 5_000, 1)
    await client.bought(event.seat())


async def test_seats_are_kept_until_their_payment_is_known_to_be_voided(
    client: PurchaseClient, event: EventOnSale, hold: Json, sandbox: Sandbox, redis_state: RedisState
) -> None:
    await client.pay(hold)
    with sandbox.misbehaving("busy"):
        assert_problem(await client.release(hold), 503, "payment-unavailable")
        assert_problem(await client.buy(event.seat()), 409, "seat-taken")
        assert_problem(await client.confirm(hold), 410, "hold-expired")
    pass_time_of_event(redis_state, event, HOLD_MS)

    await until(lambda: state_of(redis_state, hold) == b"RELEASED")

    assert payment_of(sandbox, hold)["status"] == "canceled"
    await client.bought(event.seat())


async def test_a_customer_who_authorised_and_left_gets_the_seats(
    client: PurchaseClient, event: EventOnSale, hold: Json, sandbox: Sandbox, redis_state: RedisState
) -> None:
    await client.pay(hold)
    pass_time_of_event(redis_state, event, HOLD_MS)

    await until(lambda: state_of(redis_state, hold) == b"CONFIRMED" and payment_of(sandbox, hold)["captured"])

    assert (await client.confirm(hold)).status_code == 201


async def test_an_undecided_payment_ends_at_its_deadline(
    client: PurchaseClient, event: EventOnSale, hold: Json, sandbox: Sandbox, redis_state: RedisState
) -> None:
    await client.pay(hold, "pm_card_authenticationRequired")
    pass_time_of_event(redis_state, event, PAYMENT_MS)

    await until(lambda: state_of(redis_state, hold) == b"EXPIRED")

    assert payment_of(sandbox, hold)["status"] == "canceled"
    await client.bought(event.seat())
