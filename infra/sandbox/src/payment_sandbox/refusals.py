"""The sandbox's refusals in Stripe's format: the status and the error body of each."""

from typing import Any

from payment_sandbox.intents import Intent
from payment_sandbox.shapes import failure_object, intent_object


class Refused(Exception):
    """A refused call.

    `is_stored`: the refusal is stored under the call's Idempotency-Key, so a retry is answered the
    same. This is for calls that were carried out as far as they could.
    """

    def __init__(self, status: int, kind: str, message: str, *, is_stored: bool = False, **facts: Any) -> None:
        super().__init__(message)
        self.status = status
        self.is_stored = is_stored
        self.body = {"error": {"type": kind, "message": message, **facts}}


def unauthorised() -> Refused:
    return Refused(401, "invalid_request_error", "Invalid API Key provided.")


def unavailable() -> Refused:
    return Refused(503, "api_error", "The sandbox simulates an outage.")


def busy() -> Refused:
    return Refused(
        429, "invalid_request_error", "Too many requests: the sandbox simulates a rate limit.", code="rate_limit"
    )


def key_in_use() -> Refused:
    message = "There is currently another in-progress request using this Idempotency-Key."
    return Refused(409, "idempotency_error", message, code="idempotency_key_in_use")


def key_reused() -> Refused:
    message = "Keys for idempotent requests can only be used with the same parameters they were first used with."
    return Refused(400, "idempotency_error", message)


def invalid(message: str, **facts: Any) -> Refused:
    return Refused(400, "invalid_request_error", message, **facts)


def no_such_intent(intent_id: str) -> Refused:
    message = f"No such payment_intent: '{intent_id}'"
    return Refused(404, "invalid_request_error", message, code="resource_missing", param="intent")


def no_such_method(name: str) -> Refused:
    return invalid(f"No such PaymentMethod: '{name}'", code="resource_missing", param="payment_method")


def declined(intent: Intent) -> Refused:
    assert intent.failure is not None
    error = failure_object(intent.failure)
    kind, message = error.pop("type"), error.pop("message")
    return Refused(
        402, kind, message, is_stored=True, charge=intent.charge, payment_intent=intent_object(intent), **error
    )


def unexpected_state(intent: Intent, verb: str) -> Refused:
    return Refused(
        400,
        "invalid_request_error",
        f"You cannot {verb} this PaymentIntent because it has a status of {intent.status}.",
        is_stored=True,
        code="payment_intent_unexpected_state",
        payment_intent=intent_object(intent),
    )


def capture_refused(intent: Intent) -> Refused:
    message = "The charge cannot be captured: its authorization has expired."
    return Refused(
        400,
        "invalid_request_error",
        message,
        is_stored=True,
        code="charge_expired_for_capture",
        payment_intent=intent_object(intent),
    )


def refunded_already(intent: Intent) -> Refused:
    message = f"Charge {intent.charge} has already been refunded."
    return Refused(400, "invalid_request_error", message, is_stored=True, code="charge_already_refunded")


def too_much(intent: Intent, amount: int) -> Refused:
    rest = intent.amount - intent.refunded
    message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({rest})"
    return Refused(400, "invalid_request_error", message, is_stored=True, param="amount")
