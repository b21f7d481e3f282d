"""The objects of Stripe's API, with the fields that the platform and its tests read."""

from collections.abc import Sequence
from typing import Any

from payment_sandbox.intents import Failure, Intent, Refund

API_VERSION = "2026-10-28.endive"


def intent_object(intent: Intent, *, expand: Sequence[str] = ()) -> dict[str, Any]:
    """Build a PaymentIntent; `latest_charge` is an id, or the whole charge if it is expanded."""
    needs_action = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
    charge = charge_object(intent) if "latest_charge" in expand and intent.charge else intent.charge
    return {
        "id": intent.id,
        "object": "payment_intent",
        "amount": intent.amount,
        "amount_capturable": intent.authorised,
        "amount_received": intent.captured,
        "capture_method": intent.capture_method,
        "client_secret": intent.client_secret,
        "created": intent.created,
        "currency": intent.currency,
        "last_payment_error": failure_object(intent.failure) if intent.failure else None,
        "latest_charge": charge,
        "livemode": False,
        "metadata": intent.metadata,
        "next_action": needs_action if intent.status == "requires_action" else None,
        "payment_method": None if intent.status == "requires_payment_method" else intent.method,
        "payment_method_types": ["card"],
        "status": intent.status,
    }


def charge_object(intent: Intent) -> dict[str, Any]:
    """Build the Charge of the last attempt."""
    is_paid = intent.status not in ("requires_payment_method", "processing")
    return {
        "id": intent.charge,
        "object": "charge",
        "amount": intent.amount,
        "amount_captured": intent.captured,
        "amount_refunded": intent.refunded,
        "captured": intent.captured > 0,
        "created": intent.created,
        "currency": intent.currency,
        "disputed": intent.is_disputed,
        "failure_code": intent.failure.code if intent.failure else None,
        "livemode": False,
        "metadata": intent.metadata,
        "paid": is_paid,
        "payment_intent": intent.id,
        "payment_method": intent.method,
        "refunded": intent.refunded == intent.amount,
        "status": "failed" if intent.failure else "succeeded" if is_paid else "pending",
    }


def failure_object(failure: Failure) -> dict[str, Any]:
    decline = {"decline_code": failure.decline_code} if failure.decline_code else {}
    return {"type": "card_error", "code": failure.code, **decline, "message": "Your card was declined."}


def refund_object(refund: Refund) -> dict[str, Any]:
    return {
        "id": refund.id,
        "object": "refund",
        "amount": refund.amount,
        "charge": refund.charge,
        "created": refund.created,
        "currency": refund.currency,
        "metadata": refund.metadata,
        "payment_intent": refund.intent,
        "reason": None,
        "status": "succeeded",
    }


def dispute_object(dispute_id: str, intent: Intent, reason: str, created: int) -> dict[str, Any]:
    return {
        "id": dispute_id,
        "object": "dispute",
        "amount": intent.amount,
        "charge": intent.charge,
        "created": created,
        "currency": intent.currency,
        "livemode": False,
        "metadata": {},
        "payment_intent": intent.id,
        "reason": reason,
        "status": "needs_response",
    }


def event_object(event_id: str, kind: str, about: dict[str, Any], created: int) -> dict[str, Any]:
    return {
        "id": event_id,
        "object": "event",
        "api_version": API_VERSION,
        "created": created,
        "data": {"object": about},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }


def list_object(url: str, items: Sequence[dict[str, Any]], *, has_more: bool) -> dict[str, Any]:
    return {"object": "list", "data": items, "has_more": has_more, "url": url}
