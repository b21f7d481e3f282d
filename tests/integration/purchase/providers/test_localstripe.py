"""The Stripe client also works with an independent implementation of Stripe's API."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from purchase.providers import Declined, NoSuchPayment, Status
from purchase.providers.intents import Intents

from tests.integration.purchase.providers import localstripe
from tests.integration.purchase.providers.localstripe import API_KEY
from tests.stage.provider_clients import client, new_authorisation
from tests.stage.sandboxes import WEBHOOK_SECRET
from tests.stage.webhook_receiver import receiving

pytestmark = pytest.mark.starts_processes


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with localstripe.serving() as url:
        yield url


@pytest.fixture
async def provider(address: str) -> AsyncIterator[Intents]:
    async with client("stripe", address, api_key=API_KEY) as provider:
        yield provider


async def test_a_payment_is_authorised_captured_and_refunded_in_parts(provider: Intents) -> None:
    authorisation = new_authorisation(amount_cents=9_000)
    authorised = await provider.authorise(authorisation)
    assert (authorised.status, authorised.hold_id, authorised.attempt) == (Status.AUTHORISED, authorisation.hold_id, 1)
    for _ in range(2):
        assert (await provider.capture(authorised.id, "a-capture")).status is Status.CAPTURED
    for key in ("one", "two", "one"):
        await provider.refund(authorised.id, 3_000, f"{authorised.id}:{key}")
    payment = await provider.retrieve(authorised.id)
    assert (payment.status, payment.amount_cents, payment.refunded_cents) == (Status.CAPTURED, 9_000, 6_000)


async def test_an_authorisation_is_voided(provider: Intents) -> None:
    payment = await provider.authorise(new_authorisation())
    for _ in range(2):
        assert (await provider.void(payment.id, "a-void")).status is Status.CANCELLED
    assert (await provider.retrieve(payment.id)).status is Status.CANCELLED


async def test_a_capture_came_before_the_void(provider: Intents) -> None:
    payment = await provider.authorise(new_authorisation())
    await provider.capture(payment.id, "a-capture")
    assert (await provider.void(payment.id, "a-void")).status is Status.CAPTURED


async def test_a_card_is_declined(provider: Intents) -> None:
    with pytest.raises(Declined, match="card_declined"):
        await provider.authorise(new_authorisation("pm_card_chargeCustomerFail"))


async def test_a_payment_waits_for_the_customer(provider: Intents) -> None:
    payment = await provider.authorise(new_authorisation(None))
    assert payment.status is Status.REQUIRES_PAYMENT
    assert (await provider.void(payment.id, "a-void")).status is Status.CANCELLED


async def test_a_payment_that_does_not_exist_is_named_so(provider: Intents) -> None:
    with pytest.raises(NoSuchPayment):
        await provider.retrieve("pi_unknown")


async def test_its_webhooks_pass_our_verification(provider: Intents, address: str) -> None:
    with receiving() as receiver:
        endpoint = {"url": receiver.url, "secret": WEBHOOK_SECRET}
        async with httpx.AsyncClient() as admin:
            (await admin.post(f"{address}/_config/webhooks/ours", json=endpoint)).raise_for_status()
        authorisation = new_authorisation()
        payment = await provider.authorise(authorisation)
        await provider.capture(payment.id, "a-capture")
        await asyncio.to_thread(receiver.events_of, payment.id, 1)
        [webhook] = [webhook for webhook in receiver.webhooks if payment.id.encode() in webhook.body]
        notification = provider.verify_webhook(webhook.body, webhook.signature)
        assert (notification.type, notification.kind) == ("payment_intent.succeeded", "payment")
        assert (notification.payment_id, notification.hold_id) == (payment.id, authorisation.hold_id)
