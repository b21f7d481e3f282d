"""Idempotency-Key on a payment: a repeated key gets its first answer and no second payment."""

import asyncio
import json
from collections import Counter

import pytest

from tests.stage.hold_records import payment_of, payments_of, unchanged_hold
from tests.stage.http_client import Json, PurchaseClient, unique
from tests.stage.problems import assert_problem
from tests.stage.redis_state import RedisState
from tests.stage.sandboxes import Sandbox

pytestmark = pytest.mark.at_the_sandbox


async def test_a_payment_repeated_with_its_key_gets_its_first_answer(
    client: PurchaseClient, hold: Json, redis_state: RedisState
) -> None:
    key = unique("key")
    first = await client.pay(hold, key=key)
    assert (await client.confirm(hold)).status_code == 201

    with unchanged_hold(redis_state, hold):
        again = await client.pay(hold, key=key)

    assert (again.status_code, again.content) == (201, first.content)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"


async def test_a_payment_whose_answer_was_lost_is_returned_by_repeating_the_call(
    client: PurchaseClient, hold: Json, sandbox: Sandbox
) -> None:
    key = unique("key")
    unknown = await client.pay(hold, "pm_sandbox_answer_lost", key=key)
    assert_problem(unknown, 504, "outcome-unknown")

    known = await client.pay(hold, "pm_sandbox_answer_lost", key=key)

    assert known.status_code == 201
    assert payment_of(sandbox, hold)["id"] == known.json()["paymentId"]
    unsure = await client.confirm(hold)
    assert (unsure.status_code, unsure.json()["status"]) == (202, "CONFIRMED")
    assert (await client.confirm(hold)).status_code == 201


async def test_a_decline_is_not_remembered(client: PurchaseClient, hold: Json) -> None:
    key = unique("key")
    assert_problem(await client.pay(hold, "pm_card_visa_chargeDeclined", key=key), 402, "payment-declined")

    assert (await client.pay(hold, "pm_card_visa", key=key)).status_code == 201


async def test_a_key_with_another_body_is_refused(client: PurchaseClient, hold: Json, redis_state: RedisState) -> None:
    key = unique("key")
    await client.pay(hold, key=key)

    with unchanged_hold(redis_state, hold):
        assert_problem(await client.pay(hold, "pm_card_amex", key=key), 422, "idempotency-key-reused")


async def test_a_key_with_another_body_calls_no_provider_while_the_first_call_is_unanswered(
    client: PurchaseClient, hold: Json, sandbox: Sandbox, redis_state: RedisState
) -> None:
    key = unique("key")
    assert_problem(await client.pay(hold, "pm_sandbox_answer_lost", key=key), 504, "outcome-unknown")

    with unchanged_hold(redis_state, hold):
        assert_problem(await client.pay(hold, "pm_card_amex", key=key), 422, "idempotency-key-reused")

    assert (await client.pay(hold, "pm_sandbox_answer_lost", key=key)).status_code == 201
    assert payments_of(sandbox, hold) == ["requires_capture"]


@pytest.mark.parametrize("other", ["pm_card_amex", None], ids=str)
@pytest.mark.parametrize("method", ["pm_card_visa", "pm_card_authenticationRequired"])
async def test_a_key_with_two_bodies_at_once_begins_one_payment(
    client: PurchaseClient, hold: Json, sandbox: Sandbox, method: str, other: str | None
) -> None:
    key = unique("key")

    answers = await asyncio.gather(*(client.pay(hold, wanted, key=key) for wanted in [method, other] * 3))

    assert Counter(answer.status_code for answer in answers) == {201: 3, 422: 3}
    [answer] = {answer.content for answer in answers if answer.status_code == 201}
    assert payment_of(sandbox, hold)["id"] == json.loads(answer)["paymentId"]
    assert len(payments_of(sandbox, hold)) == 1
    assert payments_of(sandbox, hold) != ["canceled"]


@pytest.mark.parametrize("method", ["pm_card_visa", None], ids=str)
async def test_many_concurrent_calls_with_one_key_get_the_same_answer(
    client: PurchaseClient, hold: Json, sandbox: Sandbox, method: str | None
) -> None:
    key = unique("key")

    answers = await asyncio.gather(*(client.pay(hold, method, key=key) for _ in range(5)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert payment_of(sandbox, hold)["metadata"]["attempt"] == "1"
