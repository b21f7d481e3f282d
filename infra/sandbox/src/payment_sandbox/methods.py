"""The behaviour of each payment method: Stripe's test names, and `pm_sandbox_*` of our own.

https://docs.stripe.com/testing?testing-method=payment-methods
"""

from typing import Literal

from msgspec import Struct

Outcome = Literal["authorised", "captured", "declined", "action", "processing"]


class Method(Struct, frozen=True, kw_only=True):
    """The outcome of a payment with this method, and the provider's behaviour afterwards.

    `answers` LOST: the first answer to each call about the payment is lost; a retry is answered.
    `is_unavailable`: once the payment is confirmed, all calls about it are answered with 503 until
    `/sandbox/payment_intents/{id}/recover`.
    """

    outcome: Outcome = "authorised"
    code: str = "card_declined"
    decline_code: str = "generic_decline"
    refuses_capture: bool = False
    answers: Literal["AT_ONCE", "SLOWLY", "LOST"] = "AT_ONCE"
    webhooks: Literal["IN_ORDER", "TWICE", "REVERSED", "LATE"] = "IN_ORDER"
    is_unavailable: bool = False


def _declined(decline_code: str, code: str = "card_declined") -> Method:
    return Method(outcome="declined", code=code, decline_code=decline_code)


METHODS = {
    "pm_card_visa": Method(),
    "pm_card_mastercard": Method(),
    "pm_card_amex": Method(),
    "pm_card_visa_chargeDeclined": _declined("generic_decline"),
    "pm_card_visa_chargeDeclinedInsufficientFunds": _declined("insufficient_funds"),
    "pm_card_visa_chargeDeclinedLostCard": _declined("lost_card"),
    "pm_card_visa_chargeDeclinedStolenCard": _declined("stolen_card"),
    "pm_card_visa_chargeDeclinedVelocityLimitExceeded": _declined("card_velocity_exceeded"),
    "pm_card_chargeDeclinedExpiredCard": _declined("expired_card", "expired_card"),
    "pm_card_chargeDeclinedIncorrectCvc": _declined("incorrect_cvc", "incorrect_cvc"),
    "pm_card_chargeDeclinedProcessingError": _declined("processing_error", "processing_error"),
    "pm_card_authenticationRequired": Method(outcome="action"),
    "pm_card_threeDSecure2Required": Method(outcome="action"),
    "pm_sandbox_automatic": Method(outcome="captured"),
    "pm_sandbox_processing": Method(outcome="processing"),
    "pm_sandbox_capture_refused": Method(refuses_capture=True),
    "pm_sandbox_slow": Method(answers="SLOWLY"),
    "pm_sandbox_answer_lost": Method(answers="LOST"),
    "pm_sandbox_webhooks_twice": Method(webhooks="TWICE"),
    "pm_sandbox_webhooks_reversed": Method(webhooks="REVERSED"),
    "pm_sandbox_webhooks_late": Method(webhooks="LATE"),
    "pm_sandbox_outage": Method(is_unavailable=True),
}

NO_METHOD = Method()
