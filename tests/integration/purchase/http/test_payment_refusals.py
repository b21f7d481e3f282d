"""Invalid calls about a payment, and calls about an unknown hold, change nothing."""

from typing import Any

import httpx
import pytest
from purchase.store.ids import mint_id

from tests.stage.hold_records import unchanged_hold
from tests.stage.http_client import Json, PurchaseClient, unique
from tests.stage.problems import assert_problem
from tests.stage.redis_state import RedisState

pytestmark = pytest.mark.at_the_sandbox


async def test_a_hold_that_was_never_made_is_not_found(client: PurchaseClient, redis_state: RedisState) -> None:
    for partition in (0, 0xFFF):
        unheard_of = {"holdId": str(mint_id(partition))}
        with unchanged_hold(redis_state, unheard_of):
            assert_problem(await client.pay(unheard_of, key=unique("key")), 404, "hold-not-found")
            assert_problem(await client.confirm(unheard_of), 404, "hold-not-found")
            assert_problem(await client.release(unheard_of), 404, "hold-not-found")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"paymentMethod": 1}, "paymentMethod"),
        ({"paymentMethod": ""}, "paymentMethod"),
        ({"paymentMethod": "a b"}, "paymentMethod"),
        ({"paymentMethod": "pm_card_visa\n"}, "paymentMethod"),
        ({"method": "pm_card_visa"}, "method"),
        ([], "$"),
    ],
    ids=str,
)
async def test_an_invalid_payment_begins_nothing(
    client: PurchaseClient, hold: Json, redis_state: RedisState, body: Any, field: str
) -> None:
    with unchanged_hold(redis_state, hold):
        answer = await client.http.post(f"/api/v1/holds/{hold['holdId']}/payment", json=body)

    assert_problem(answer, 400, "invalid-request", field=field)


@pytest.mark.parametrize("call", ["payment", "confirm"])
async def test_a_body_is_optional_and_must_be_json(client: PurchaseClient, hold: Json, call: str) -> None:
    path = f"/api/v1/holds/{hold['holdId']}/{call}"
    assert_problem(
        await client.http.post(path, content="{}", headers={"Content-Type": "text/plain"}),
        415,
        "unsupported-media-type",
    )
    assert_problem(await client.http.post(path, json={"quantity": 1}), 400, "invalid-request", field="quantity")
    answers: list[httpx.Response] = [await client.http.post(path), await client.http.post(path, json={})]
    assert {answer.status_code for answer in answers} == {201 if call == "payment" else 402}


@pytest.mark.parametrize("call", ["payment", "confirm"])
async def test_a_malformed_id_is_an_invalid_request(client: PurchaseClient, call: str) -> None:
    assert_problem(await client.http.post(f"/api/v1/holds/mine/{call}"), 400, "invalid-request", field="holdId")
