"""Webhooks of the sandbox: signed, sent at least once, in the order that the method asks for."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from infra_local.ports import free_port
from purchase.providers.signatures import Signatures

from tests.stage import sandboxes
from tests.stage.sandboxes import WEBHOOK_SECRET, Sandbox
from tests.stage.webhook_receiver import Receiver, receiving

pytestmark = pytest.mark.starts_processes

INTENTS = "/v1/payment_intents"
CREATED, AUTHORISED = "payment_intent.created", "payment_intent.amount_capturable_updated"
SUCCEEDED, CANCELED, FAILED = "payment_intent.succeeded", "payment_intent.canceled", "payment_intent.payment_failed"
LATE_SECONDS = 1.5


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def sandbox(receiver: Receiver) -> Iterator[Sandbox]:
    """Run a sandbox that sends its webhooks to the receiver."""
    with sandboxes.serving(WEBHOOK_URL=receiver.url, LATE_SECONDS=str(LATE_SECONDS)) as running:
        yield running


def create(sandbox: Sandbox, method: str) -> str:
    """Create a payment and confirm it with this method; return its id."""
    form = {"amount": "2500", "currency": "usd", "capture_method": "manual", "payment_method": method}
    payment_id: str = sandbox.client.post(INTENTS, data=form).raise_for_status().json()["id"]
    sandbox.client.post(f"{INTENTS}/{payment_id}/confirm")
    return payment_id


def step(sandbox: Sandbox, payment_id: str, name: str) -> None:
    sandbox.client.post(f"{INTENTS}/{payment_id}/{name}").raise_for_status()


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


def test_a_webhook_is_signed_over_its_bytes(sandbox: Sandbox, receiver: Receiver) -> None:
    payment_id = create(sandbox, "pm_card_visa")
    receiver.events_of(payment_id, 2)
    [_, webhook] = [webhook for webhook in receiver.webhooks if payment_id.encode() in webhook.body]
    notification = Signatures([WEBHOOK_SECRET]).read(webhook.body, webhook.signature)
    assert (notification.payment_id, notification.type) == (payment_id, AUTHORISED)


def test_each_step_of_a_payment_sends_a_webhook_in_order(sandbox: Sandbox, receiver: Receiver) -> None:
    payment_id = create(sandbox, "pm_card_visa")
    step(sandbox, payment_id, "capture")
    sandbox.refund(payment_id, 500)
    sandbox.dispute(payment_id)
    events = receiver.events_of(payment_id, 6)
    assert types(events) == [
        CREATED,
        AUTHORISED,
        SUCCEEDED,
        "refund.created",
        "charge.refunded",
        "charge.dispute.created",
    ]
    assert events[2]["data"]["object"]["status"] == "succeeded"
    assert events[4]["data"]["object"]["amount_refunded"] == 500


@pytest.mark.parametrize(
    ("method", "event_type"),
    [
        ("pm_card_visa_chargeDeclined", FAILED),
        ("pm_card_authenticationRequired", "payment_intent.requires_action"),
        ("pm_sandbox_processing", "payment_intent.processing"),
        ("pm_sandbox_automatic", SUCCEEDED),
    ],
)
def test_the_outcome_of_a_payment_sends_a_webhook(
    sandbox: Sandbox, receiver: Receiver, method: str, event_type: str
) -> None:
    assert types(receiver.events_of(create(sandbox, method), 2)) == [CREATED, event_type]


def test_a_cancelled_payment_sends_a_webhook(sandbox: Sandbox, receiver: Receiver) -> None:
    payment_id = create(sandbox, "pm_card_visa")
    step(sandbox, payment_id, "cancel")
    assert types(receiver.events_of(payment_id, 3)) == [CREATED, AUTHORISED, CANCELED]


def test_webhooks_can_arrive_twice(sandbox: Sandbox, receiver: Receiver) -> None:
    events = receiver.events_of(create(sandbox, "pm_sandbox_webhooks_twice"), 4)
    assert types(events) == [CREATED, CREATED, AUTHORISED, AUTHORISED]
    assert events[0]["id"] == events[1]["id"] != events[2]["id"] == events[3]["id"]


def test_webhooks_can_arrive_in_reverse(sandbox: Sandbox, receiver: Receiver) -> None:
    payment_id = create(sandbox, "pm_sandbox_webhooks_reversed")
    step(sandbox, payment_id, "capture")
    assert types(receiver.events_of(payment_id, 3)) == [SUCCEEDED, AUTHORISED, CREATED]


def test_webhooks_can_arrive_late(sandbox: Sandbox, receiver: Receiver) -> None:
    began = time.monotonic()
    receiver.events_of(create(sandbox, "pm_sandbox_webhooks_late"), 2)
    assert time.monotonic() - began >= LATE_SECONDS


def test_a_webhook_is_sent_again_until_it_is_acknowledged(sandbox: Sandbox, receiver: Receiver) -> None:
    receiver.refusals = 2
    events = receiver.events_of(create(sandbox, "pm_card_visa"), 4)
    assert sorted(types(events)) == sorted([CREATED, AUTHORISED] * 2)


def test_an_unacknowledged_webhook_is_sent_after_a_kill_and_a_restart() -> None:
    port = free_port("receiver")
    with sandboxes.serving(WEBHOOK_URL=f"http://127.0.0.1:{port}/webhook") as sandbox:
        payment_id = create(sandbox, "pm_card_visa")
        sandbox.process.kill()
        with receiving(port) as receiver:
            sandbox.process.start()
            assert sorted(types(receiver.events_of(payment_id, 2))) == sorted([CREATED, AUTHORISED])
