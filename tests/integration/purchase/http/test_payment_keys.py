"""Idempotency-Key on a payment: one that was begun is answered again as it was, and nothing is begun twice."""

import asyncio
import json
from collections import Counter

import pytest

from tests.stage.hold_records import left_alone, payment_of, payments_of
from tests.stage.http_client import Json, Window, unique
from tests.stage.problems import assert_problem
from tests.stage.redis_state import Ledger
from tests.stage.sandboxes import Sandbox

pytestmark = pytest.mark.at_the_sandbox


async def test_a_payment_that_is_repeated_with_its_key_is_answered_again(
    window: Window, hold: Json, ledger: Ledger
) -> None:
    key = unique("key")
    first = await window.pay(hold, key=key)
    assert (await window.confirm(hold)).status_code == 201

    with left_alone(ledger, hold):
        again = await window.pay(hold, key=key)

    assert (again.status_code, again.content) == (201, first.content)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"


async def test_a_payment_whose_answer_is_lost_is_found_by_repeating_the_call(
    window: Window, hold: Json, sandbox: Sandbox
) -> None:
    key = unique("key")
    unknown = await window.pay(hold, "pm_sandbox_answer_lost", key=key)
    assert_problem(unknown, 504, "outcome-unknown")

    known = await window.pay(hold, "pm_sandbox_answer_lost", key=key)

    assert known.status_code == 201
    assert payment_of(sandbox, hold)["id"] == known.json()["paymentId"]
    unsure = await window.confirm(hold)
    assert (unsure.status_code, unsure.json()["status"]) == (202, "CONFIRMED")
    assert (await window.confirm(hold)).status_code == 201


async def test_a_decline_is_not_remembered(window: Window, hold: Json) -> None:
    key = unique("key")
    assert_problem(await window.pay(hold, "pm_card_visa_chargeDeclined", key=key), 402, "payment-declined")

    assert (await window.pay(hold, "pm_card_visa", key=key)).status_code == 201


async def test_a_key_that_comes_with_another_body_is_refused(window: Window, hold: Json, ledger: Ledger) -> None:
    key = unique("key")
    await window.pay(hold, key=key)

    with left_alone(ledger, hold):
        assert_problem(await window.pay(hold, "pm_card_amex", key=key), 422, "idempotency-key-reused")


async def test_a_key_that_comes_with_another_body_while_the_first_is_undecided_asks_the_provider_for_nothing(
    window: Window, hold: Json, sandbox: Sandbox, ledger: Ledger
) -> None:
    key = unique("key")
    assert_problem(await window.pay(hold, "pm_sandbox_answer_lost", key=key), 504, "outcome-unknown")

    with left_alone(ledger, hold):
        assert_problem(await window.pay(hold, "pm_card_amex", key=key), 422, "idempotency-key-reused")

    assert (await window.pay(hold, "pm_sandbox_answer_lost", key=key)).status_code == 201
    assert payments_of(sandbox, hold) == ["requires_capture"]


@pytest.mark.parametrize("other", ["pm_card_amex", None], ids=str)
@pytest.mark.parametrize("method", ["pm_card_visa", "pm_card_authenticationRequired"])
async def test_a_key_that_comes_with_two_bodies_at_once_begins_one_payment(
    window: Window, hold: Json, sandbox: Sandbox, method: str, other: str | None
) -> None:
    key = unique("key")

    answers = await asyncio.gather(*(window.pay(hold, wanted, key=key) for wanted in [method, other] * 3))

    assert Counter(answer.status_code for answer in answers) == {201: 3, 422: 3}
    [told] = {answer.content for answer in answers if answer.status_code == 201}
    assert payment_of(sandbox, hold)["id"] == json.loads(told)["paymentId"]
    assert len(payments_of(sandbox, hold)) == 1
    assert payments_of(sandbox, hold) != ["canceled"]


@pytest.mark.parametrize("method", ["pm_card_visa", None], ids=str)
async def test_many_that_begin_a_payment_at_once_with_one_key_are_told_the_same(
    window: Window, hold: Json, sandbox: Sandbox, method: str | None
) -> None:
    key = unique("key")

    answers = await asyncio.gather(*(window.pay(hold, method, key=key) for _ in range(5)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert payment_of(sandbox, hold)["metadata"]["attempt"] == "1"
