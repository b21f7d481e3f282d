"""The steps of a payment at the provider, with each client."""

import asyncio
import re

import pytest
from msgspec.structs import replace
from purchase.providers import (
    CaptureRefused,
    Declined,
    NoSuchPayment,
    Payment,
    Provider,
    ProviderAway,
    ProviderSilent,
    RefundRefused,
    Status,
    step_key,
)

from tests.stage.provider_clients import new_authorisation
from tests.stage.sandboxes import Sandbox

DECLINES = {
    "pm_card_visa_chargeDeclined": "generic_decline",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "insufficient_funds",
    "pm_card_visa_chargeDeclinedLostCard": "lost_card",
    "pm_card_chargeDeclinedExpiredCard": "expired_card",
    "pm_card_chargeDeclinedIncorrectCvc": "incorrect_cvc",
    "pm_card_chargeDeclinedProcessingError": "processing_error",
}


def key_of(payment: Payment, step: str) -> str:
    """Return the key of a step of a new hold."""
    return f"{payment.id}:{step}"


async def captured(provider: Provider, *, amount_cents: int = 5_000) -> Payment:
    """Make a captured payment."""
    payment = await provider.authorise(new_authorisation(amount_cents=amount_cents))
    return await provider.capture(payment.id, key_of(payment, "capture"))


async def test_a_payment_is_authorised_then_captured_then_refunded(provider: Provider, sandbox: Sandbox) -> None:
    authorisation = new_authorisation(amount_cents=12_345, attempt=3)
    authorised = await provider.authorise(authorisation)
    assert authorised.status is Status.AUTHORISED
    assert sandbox.entry(authorised.id)["authorised"] == 12_345
    payment = await provider.capture(authorised.id, step_key(authorisation.hold_id, 3, "capture"))
    assert payment.status is Status.CAPTURED
    await provider.refund(payment.id, 345, key_of(payment, "refund"))
    entry = sandbox.entry(payment.id)
    assert (entry["authorised"], entry["captured"], entry["refunded"], entry["refunds"]) == (0, 12_345, 345, 1)
    assert (await provider.retrieve(payment.id)).refunded_cents == 345


async def test_a_payment_names_its_hold_and_attempt(provider: Provider) -> None:
    authorisation = new_authorisation(amount_cents=2_500, attempt=2)
    made = await provider.authorise(authorisation)
    payment = await provider.retrieve(made.id)
    assert payment == made
    assert (payment.hold_id, payment.attempt) == (authorisation.hold_id, 2)
    assert (payment.amount_cents, payment.currency) == (2_500, "USD")
    assert (payment.refunded_cents, payment.code) == (0, None)
    assert payment.client_secret is not None
    assert re.fullmatch(f"{payment.id}_secret_.+", payment.client_secret)


@pytest.mark.parametrize("method", DECLINES)
async def test_a_card_is_declined_with_its_reason(provider: Provider, method: str) -> None:
    with pytest.raises(Declined) as declined:
        await provider.authorise(new_authorisation(method))
    assert declined.value.code == DECLINES[method]
    assert declined.value.payment is not None
    payment = await provider.retrieve(declined.value.payment.id)
    assert (payment.status, payment.code) == (Status.REQUIRES_PAYMENT, DECLINES[method])


async def test_an_unknown_method_is_declined_and_makes_no_payment(provider: Provider) -> None:
    with pytest.raises(Declined) as declined:
        await provider.authorise(new_authorisation("pm_of_nobody"))
    assert (declined.value.code, declined.value.payment) == ("resource_missing", None)


async def test_an_amount_below_the_provider_s_minimum_is_declined(provider: Provider) -> None:
    with pytest.raises(Declined, match="amount_too_small"):
        await provider.authorise(new_authorisation(amount_cents=49))


async def test_a_customer_pays_with_the_client_secret(provider: Provider, sandbox: Sandbox) -> None:
    payment = await provider.authorise(new_authorisation(None))
    assert payment.status is Status.REQUIRES_PAYMENT
    assert sandbox.pay(payment.id, "no sécret", "pm_card_visa").status_code == 401
    assert sandbox.pay(payment.id, payment.client_secret or "", "pm_card_visa_chargeDeclined").status_code == 402
    assert (await provider.retrieve(payment.id)).code == "generic_decline"
    assert sandbox.pay(payment.id, payment.client_secret or "", "pm_card_visa").status_code == 200
    assert (await provider.retrieve(payment.id)).status is Status.AUTHORISED


@pytest.mark.parametrize(
    ("outcome", "status", "code"),
    [
        ("succeeded", Status.AUTHORISED, None),
        ("failed", Status.REQUIRES_PAYMENT, "payment_intent_authentication_failure"),
    ],
)
async def test_a_customer_may_have_to_authenticate(
    provider: Provider, sandbox: Sandbox, outcome: str, status: Status, code: str | None
) -> None:
    payment = await provider.authorise(new_authorisation("pm_card_authenticationRequired"))
    assert payment.status is Status.REQUIRES_ACTION
    sandbox.authenticate(payment.id, outcome)
    retrieved = await provider.retrieve(payment.id)
    assert (retrieved.status, retrieved.code) == (status, code)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [("authorised", Status.AUTHORISED), ("captured", Status.CAPTURED), ("declined", Status.REQUIRES_PAYMENT)],
)
async def test_a_payment_may_be_decided_later(
    provider: Provider, sandbox: Sandbox, outcome: str, status: Status
) -> None:
    payment = await provider.authorise(new_authorisation("pm_sandbox_processing"))
    assert payment.status is Status.PROCESSING
    sandbox.decide(payment.id, outcome)
    assert (await provider.retrieve(payment.id)).status is status


async def test_a_method_without_manual_capture_is_captured_at_once(provider: Provider) -> None:
    payment = await provider.authorise(new_authorisation("pm_sandbox_automatic"))
    assert payment.status is Status.CAPTURED
    assert (await provider.capture(payment.id, key_of(payment, "capture"))).status is Status.CAPTURED


async def test_the_same_authorisation_is_the_same_payment(provider: Provider) -> None:
    authorisation = new_authorisation()
    assert await provider.authorise(authorisation) == await provider.authorise(authorisation)


async def test_a_key_with_another_body_leaves_the_outcome_unknown(provider: Provider) -> None:
    authorisation = new_authorisation()
    await provider.authorise(authorisation)
    with pytest.raises(ProviderSilent):
        await provider.authorise(replace(authorisation, amount_cents=9_999))


async def test_a_payment_is_captured_once_with_any_key(provider: Provider, sandbox: Sandbox) -> None:
    payment = await provider.authorise(new_authorisation())
    for key in ("first", "first", "second"):
        assert (await provider.capture(payment.id, key_of(payment, key))).status is Status.CAPTURED
    assert sandbox.entry(payment.id)["captured"] == 5_000


async def test_a_capture_that_is_refused_for_good_has_the_same_reason_each_time(provider: Provider) -> None:
    payment = await provider.authorise(new_authorisation("pm_sandbox_capture_refused"))
    for _ in range(2):
        with pytest.raises(CaptureRefused) as refused:
            await provider.capture(payment.id, key_of(payment, "capture"))
        assert refused.value.code == "charge_expired_for_capture"
    assert (await provider.void(payment.id, key_of(payment, "void"))).status is Status.CANCELLED


async def test_a_voided_payment_cannot_be_captured(provider: Provider) -> None:
    payment = await provider.authorise(new_authorisation())
    for _ in range(2):
        assert (await provider.void(payment.id, key_of(payment, "void"))).status is Status.CANCELLED
    with pytest.raises(CaptureRefused):
        await provider.capture(payment.id, key_of(payment, "capture"))


@pytest.mark.parametrize("method", [None, "pm_card_authenticationRequired"])
async def test_a_payment_that_was_never_authorised_is_voided(provider: Provider, method: str | None) -> None:
    payment = await provider.authorise(new_authorisation(method))
    assert (await provider.void(payment.id, key_of(payment, "void"))).status is Status.CANCELLED


async def test_voiding_too_late_returns_the_payment_as_it_is(provider: Provider) -> None:
    payment = await captured(provider)
    assert (await provider.void(payment.id, key_of(payment, "void"))).status is Status.CAPTURED


async def test_a_payment_that_cannot_be_voided_yet_is_voided_later_with_the_same_key(
    provider: Provider, sandbox: Sandbox
) -> None:
    payment = await provider.authorise(new_authorisation("pm_sandbox_processing"))
    assert (await provider.void(payment.id, key_of(payment, "void"))).status is Status.PROCESSING
    sandbox.decide(payment.id, "authorised")
    assert (await provider.void(payment.id, key_of(payment, "void"))).status is Status.CANCELLED


async def test_a_part_is_refunded_once_for_each_key(provider: Provider, sandbox: Sandbox) -> None:
    payment = await captured(provider)
    for key in ("one", "one", "two", "one"):
        await provider.refund(payment.id, 1_000, key_of(payment, key))
    assert (await provider.retrieve(payment.id)).refunded_cents == 2_000
    assert sandbox.entry(payment.id)["refunds"] == 2


async def test_a_refund_is_recognised_after_the_provider_has_deleted_its_key(
    provider: Provider, sandbox: Sandbox
) -> None:
    payment = await captured(provider)
    made_elsewhere = {"payment_intent": payment.id, "amount": "1000", "metadata[key]": key_of(payment, "one")}
    sandbox.client.post("/v1/refunds", data=made_elsewhere).raise_for_status()
    await provider.refund(payment.id, 1_000, key_of(payment, "one"))
    assert sandbox.entry(payment.id)["refunds"] == 1


async def test_a_refund_of_a_completely_refunded_payment_counts_as_done(provider: Provider, sandbox: Sandbox) -> None:
    payment = await captured(provider)
    sandbox.refund(payment.id)
    await provider.refund(payment.id, 5_000, key_of(payment, "refund"))
    assert sandbox.entry(payment.id)["refunded"] == 5_000


async def test_more_than_was_captured_is_not_refunded(provider: Provider) -> None:
    payment = await captured(provider)
    with pytest.raises(RefundRefused):
        await provider.refund(payment.id, 5_001, key_of(payment, "refund"))


async def test_an_uncaptured_payment_is_not_refunded(provider: Provider) -> None:
    payment = await provider.authorise(new_authorisation())
    with pytest.raises(RefundRefused):
        await provider.refund(payment.id, 5_000, key_of(payment, "refund"))


async def test_a_payment_that_does_not_exist_is_named_so(provider: Provider) -> None:
    for step in (
        provider.retrieve("pi_unknown"),
        provider.capture("pi_unknown", "unknown:capture"),
        provider.void("pi_unknown", "unknown:void"),
        provider.refund("pi_unknown", 100, "unknown:refund"),
    ):
        with pytest.raises(NoSuchPayment):
            await step


async def test_repeating_a_step_returns_its_lost_answer(provider: Provider, sandbox: Sandbox) -> None:
    authorisation = new_authorisation("pm_sandbox_answer_lost")
    with pytest.raises(ProviderSilent):
        await provider.authorise(authorisation)
    payment = await provider.authorise(authorisation)
    assert payment.status is Status.AUTHORISED
    with pytest.raises(ProviderSilent):
        await provider.capture(payment.id, key_of(payment, "capture"))
    assert (await provider.capture(payment.id, key_of(payment, "capture"))).status is Status.CAPTURED
    with pytest.raises(ProviderSilent):
        await provider.refund(payment.id, 500, key_of(payment, "refund"))
    await provider.refund(payment.id, 500, key_of(payment, "refund"))
    entry = sandbox.entry(payment.id)
    assert (entry["captured"], entry["refunded"], entry["refunds"]) == (5_000, 500, 1)


async def test_a_payment_continues_after_an_outage_of_its_provider(provider: Provider, sandbox: Sandbox) -> None:
    payment = await provider.authorise(new_authorisation("pm_sandbox_outage"))
    for step in (provider.retrieve(payment.id), provider.capture(payment.id, key_of(payment, "capture"))):
        with pytest.raises(ProviderSilent):
            await step
    sandbox.recover(payment.id)
    assert (await provider.capture(payment.id, key_of(payment, "capture"))).status is Status.CAPTURED


@pytest.mark.parametrize(
    ("mode", "failure"), [("unavailable", ProviderSilent), ("busy", ProviderAway), ("lost", ProviderSilent)]
)
async def test_a_failing_provider_fails_every_step(
    provider: Provider, sandbox: Sandbox, mode: str, failure: type[Exception]
) -> None:
    authorisation = new_authorisation()
    with sandbox.misbehaving(mode), pytest.raises(failure):
        await provider.authorise(authorisation)
    assert (await provider.authorise(authorisation)).status is Status.AUTHORISED


async def test_a_key_that_is_in_use_leaves_the_outcome_unknown(provider: Provider, sandbox: Sandbox) -> None:
    authorisation = new_authorisation()
    with sandbox.misbehaving("slow"):
        both = await asyncio.gather(
            provider.authorise(authorisation), provider.authorise(authorisation), return_exceptions=True
        )
    [silent] = [answer for answer in both if isinstance(answer, ProviderSilent)]
    [payment] = [answer for answer in both if answer is not silent]
    assert await provider.authorise(authorisation) == payment
