"""How a hold ends that is to be paid for: nobody pays for seats they do not get, nor loses seats they paid for."""

import pytest
from contracts.hold import HoldReleased

from tests.stage.arrivals import until
from tests.stage.builders import HOLD_MS, PAYMENT_MS
from tests.stage.clock import let_pass
from tests.stage.hold_records import left_alone, payment_of, state_of, told_of_seats
from tests.stage.http_client import Json, Show, Window
from tests.stage.problems import assert_problem
from tests.stage.redis_state import Ledger, partition_of
from tests.stage.sandboxes import Sandbox

pytestmark = pytest.mark.at_the_sandbox


async def test_a_hold_that_is_given_up_is_not_paid_for(window: Window, show: Show, hold: Json) -> None:
    assert (await window.release(hold)).status_code == 204

    assert_problem(await window.pay(hold), 410, "hold-expired")
    assert_problem(await window.confirm(hold), 410, "hold-expired")
    await window.bought(show.seat())


async def test_a_hold_that_has_run_out_is_not_paid_for(window: Window, show: Show, hold: Json, ledger: Ledger) -> None:
    let_pass(ledger, show, HOLD_MS)

    assert_problem(await window.pay(hold), 410, "hold-expired")
    assert_problem(await window.confirm(hold), 410, "hold-expired")


async def test_a_hold_that_is_paid_for_is_neither_paid_again_nor_given_up(
    window: Window, hold: Json, ledger: Ledger
) -> None:
    await window.confirmed(hold)

    with left_alone(ledger, hold):
        assert_problem(await window.pay(hold), 409, "hold-paid")
        assert_problem(await window.release(hold), 409, "hold-paid")


async def test_giving_up_a_hold_cancels_the_payment_under_way(
    window: Window, show: Show, hold: Json, sandbox: Sandbox, ledger: Ledger
) -> None:
    await window.pay(hold)

    released = await window.release(hold)

    home = partition_of(show.event_id)
    assert released.status_code == 204
    assert released.headers["consistency-token"] == f"{home}:{ledger.last_position(home)}"
    assert payment_of(sandbox, hold)["status"] == "canceled"
    assert len(told_of_seats(ledger, show, HoldReleased)) == 1
    assert (await window.release(hold)).status_code == 204
    await window.bought(show.seat())


async def test_money_that_came_for_a_hold_that_is_given_up_is_refunded_once(
    window: Window, show: Show, hold: Json, sandbox: Sandbox
) -> None:
    await window.pay(hold, "pm_sandbox_automatic")

    assert (await window.release(hold)).status_code == 204
    assert (await window.release(hold)).status_code == 204

    payment = payment_of(sandbox, hold)
    assert (payment["captured"], payment["refunded"], payment["refunds"]) == (5_000, 5_000, 1)
    await window.bought(show.seat())


async def test_seats_are_not_free_before_their_payment_is_known_to_be_cancelled(
    window: Window, show: Show, hold: Json, sandbox: Sandbox, ledger: Ledger
) -> None:
    await window.pay(hold)
    with sandbox.misbehaving("busy"):
        assert_problem(await window.release(hold), 503, "payment-unavailable")
        assert_problem(await window.buy(show.seat()), 409, "seat-taken")
        assert_problem(await window.confirm(hold), 410, "hold-expired")
    let_pass(ledger, show, HOLD_MS)

    await until(lambda: state_of(ledger, hold) == b"RELEASED")

    assert payment_of(sandbox, hold)["status"] == "canceled"
    await window.bought(show.seat())


async def test_whoever_authorised_and_left_gets_the_seats(
    window: Window, show: Show, hold: Json, sandbox: Sandbox, ledger: Ledger
) -> None:
    await window.pay(hold)
    let_pass(ledger, show, HOLD_MS)

    await until(lambda: state_of(ledger, hold) == b"CONFIRMED" and payment_of(sandbox, hold)["captured"])

    assert (await window.confirm(hold)).status_code == 201


async def test_a_payment_that_is_never_decided_ends_with_its_time(
    window: Window, show: Show, hold: Json, sandbox: Sandbox, ledger: Ledger
) -> None:
    await window.pay(hold, "pm_card_authenticationRequired")
    let_pass(ledger, show, PAYMENT_MS)

    await until(lambda: state_of(ledger, hold) == b"EXPIRED")

    assert payment_of(sandbox, hold)["status"] == "canceled"
    await window.bought(show.seat())
