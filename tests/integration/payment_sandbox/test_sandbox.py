"""The sandbox answers as Stripe does, and never loses a payment that it has answered for."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest

from tests.stage import sandboxes
from tests.stage.sandboxes import Sandbox

pytestmark = pytest.mark.starts_processes

INTENTS = "/v1/payment_intents"
FORM = {
    "amount": "2500",
    "currency": "usd",
    "capture_method": "manual",
    "payment_method": "pm_card_visa",
    "confirm": "true",
}


def post(sandbox: Sandbox, path: str, form: Mapping[str, str], key: str | None = None) -> httpx.Response:
    """Send a call of Stripe's API."""
    return sandbox.client.post(path, data=form, headers={"Idempotency-Key": key} if key else {})


def test_a_repeated_key_gets_the_same_answer(sandbox: Sandbox) -> None:
    key = str(uuid4())
    first, again = (post(sandbox, INTENTS, FORM, key) for _ in range(2))
    assert (again.status_code, again.content) == (200, first.content)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"


def test_without_a_key_each_call_creates_a_payment(sandbox: Sandbox) -> None:
    first, second = (post(sandbox, INTENTS, FORM).json()["id"] for _ in range(2))
    assert first != second


@pytest.mark.parametrize("change", [{"amount": "2600"}, {"metadata[hold]": "another"}])
def test_a_key_with_another_body_is_refused(sandbox: Sandbox, change: Mapping[str, str]) -> None:
    key = str(uuid4())
    post(sandbox, INTENTS, FORM, key)
    refused = post(sandbox, INTENTS, {**FORM, **change}, key)
    assert (refused.status_code, refused.json()["error"]["type"]) == (400, "idempotency_error")


def test_a_key_with_another_call_is_refused(sandbox: Sandbox) -> None:
    key = str(uuid4())
    payment_id = post(sandbox, INTENTS, FORM, key).json()["id"]
    refused = post(sandbox, f"{INTENTS}/{payment_id}/capture", {}, key)
    assert refused.json()["error"]["type"] == "idempotency_error"


def test_a_decline_is_replayed_for_its_key(sandbox: Sandbox) -> None:
    key, form = str(uuid4()), {**FORM, "payment_method": "pm_card_visa_chargeDeclined"}
    first, again = (post(sandbox, INTENTS, form, key) for _ in range(2))
    assert (first.status_code, again.content) == (402, first.content)
    error = first.json()["error"]
    assert (error["type"], error["code"], error["decline_code"]) == ("card_error", "card_declined", "generic_decline")
    assert error["payment_intent"]["status"] == "requires_payment_method"
    assert error["payment_intent"]["last_payment_error"]["decline_code"] == "generic_decline"


@pytest.mark.parametrize(
    "change", [{"amount": "many"}, {"currency": "dollars"}, {"colour": "red"}, {"payment_method": "pm_none"}]
)
def test_an_invalid_request_does_not_use_up_its_key(sandbox: Sandbox, change: Mapping[str, str]) -> None:
    key = str(uuid4())
    refused = post(sandbox, INTENTS, {**FORM, **change}, key)
    assert (refused.status_code, refused.json()["error"]["type"]) == (400, "invalid_request_error")
    assert post(sandbox, INTENTS, FORM, key).status_code == 200


@pytest.mark.parametrize("path", [INTENTS, "/v1/refunds", "/sandbox/outage", "/sandbox/payment_intents/pi_1/refund"])
def test_a_caller_without_the_api_key_is_refused(sandbox: Sandbox, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer another"}, {"Authorization": "Basic x"}):
        assert httpx.post(f"{sandbox.url}{path}", data=FORM, headers=headers).status_code == 401


def test_the_charge_is_an_id_unless_it_is_expanded(sandbox: Sandbox) -> None:
    plain = post(sandbox, INTENTS, FORM).json()
    assert plain["latest_charge"].startswith("ch_")
    expanded = sandbox.client.get(f"{INTENTS}/{plain['id']}", params={"expand[]": "latest_charge"}).json()
    assert (expanded["latest_charge"]["id"], expanded["latest_charge"]["captured"]) == (plain["latest_charge"], False)


def test_refunds_are_listed_newest_first(sandbox: Sandbox) -> None:
    payment_id = post(sandbox, INTENTS, FORM).json()["id"]
    post(sandbox, f"{INTENTS}/{payment_id}/capture", {})
    made = [post(sandbox, "/v1/refunds", {"payment_intent": payment_id, "amount": "100"}).json()["id"] for _ in "abc"]
    listed = sandbox.client.get("/v1/refunds", params={"payment_intent": payment_id, "limit": "2"}).json()
    assert ([refund["id"] for refund in listed["data"]], listed["has_more"]) == (made[:0:-1], True)


def test_the_books_have_the_totals_of_all_payments() -> None:
    with sandboxes.serving() as sandbox:
        disputed, refunded, cancelled = (post(sandbox, INTENTS, FORM).json()["id"] for _ in range(3))
        post(sandbox, INTENTS, FORM)
        post(sandbox, f"{INTENTS}/{cancelled}/cancel", {})
        for payment_id in (disputed, refunded):
            post(sandbox, f"{INTENTS}/{payment_id}/capture", {})
        sandbox.refund(refunded, 1_000)
        sandbox.refund(refunded)
        sandbox.dispute(disputed)
        books = sandbox.books()
        totals = ("authorised", "captured", "refunded", "refunds", "open_authorisations")
        assert [books[total] for total in totals] == [2_500, 5_000, 2_500, 2, 1]
        assert sandbox.entry(disputed)["disputed"]


def test_payments_that_were_answered_survive_a_kill() -> None:
    with sandboxes.serving() as sandbox:
        keys = [str(uuid4()) for _ in range(200)]

        def pay(key: str) -> httpx.Response | None:
            try:
                return post(sandbox, INTENTS, {**FORM, "metadata[key]": key}, key)
            except httpx.TransportError:
                return None

        with ThreadPoolExecutor(8) as callers:
            answers = callers.map(pay, keys)
            answered = [next(answers) for _ in range(20)]
            sandbox.process.kill()
            answered += list(answers)
        sandbox.process.start()
        repeated = [pay(key) for key in keys]
        assert None in answered
        for before, after in zip(answered, repeated, strict=True):
            assert after is not None
            assert before is None or after.content == before.content
        assert sorted(entry["metadata"]["key"] for entry in sandbox.books()["payment_intents"]) == sorted(keys)
