"""The state changes of payments. Each updates the store and queues its webhooks.

Callers run each step within a transaction of the store. A step may raise Refused and still have
changed something: a declined payment, for example, is stored as declined.
"""

import time
from typing import Any

import msgspec
from msgspec.structs import replace

from payment_sandbox import refusals, shapes
from payment_sandbox.forms import CreateIntent, CreateRefund
from payment_sandbox.intents import Failure, Intent, Refund, mint, now
from payment_sandbox.methods import METHODS
from payment_sandbox.store import Store

CONFIRMABLE = ("requires_payment_method", "requires_confirmation")
CANCELLABLE = (*CONFIRMABLE, "requires_action", "requires_capture")
AMOUNT_MIN = 50
"""Stripe's minimum, in US cents."""

MIRROR_NS = 2_000_000_000
"""For reversed webhooks: one created x s after its payment is due 2 − x s after the payment."""


class Payments:
    """The operations on payments: Stripe's own, and those of customers, banks and the staff."""

    def __init__(self, store: Store, *, late_seconds: float) -> None:
        self._store = store
        self._late_ns = int(late_seconds * 1_000_000_000)

    def create(self, wanted: CreateIntent) -> Intent:
        """Create a payment, and confirm it if requested. Raises Refused."""
        if wanted.amount < AMOUNT_MIN:
            raise refusals.invalid("Amount must be at least $0.50 usd", code="amount_too_small", param="amount")
        if wanted.payment_method is not None and wanted.payment_method not in METHODS:
            raise refusals.no_such_method(wanted.payment_method)
        if wanted.confirm and wanted.payment_method is None:
            raise refusals.invalid("A payment method is needed to confirm.", code="parameter_missing")
        intent_id = mint("pi")
        intent = Intent(
            id=intent_id,
            client_secret=mint(f"{intent_id}_secret"),
            amount=wanted.amount,
            currency=wanted.currency,
            capture_method=wanted.capture_method,
            metadata=wanted.metadata,
            created_ns=time.time_ns(),
            status="requires_confirmation" if wanted.payment_method else "requires_payment_method",
            method=wanted.payment_method,
        )
        self._save(intent, "payment_intent.created")
        return self._try(intent) if wanted.confirm else intent

    def retrieve(self, intent_id: str) -> Intent:
        """Find a payment for an API call. Raises Refused, also during the payment's outage."""
        intent = self.find(intent_id)
        if intent.is_unavailable:
            raise refusals.unavailable()
        return intent

    def find(self, intent_id: str) -> Intent:
        """Find a payment, even during its outage. Raises Refused."""
        intent = self._store.intent(intent_id)
        if intent is None:
            raise refusals.no_such_intent(intent_id)
        return intent

    def confirm(self, intent_id: str, method: str | None) -> Intent:
        """Try this payment method, or the one that was given before. Raises Refused."""
        intent = self.retrieve(intent_id)
        if intent.status not in CONFIRMABLE:
            raise refusals.unexpected_state(intent, "confirm")
        if method is not None and method not in METHODS:
            raise refusals.no_such_method(method)
        if method is None and intent.status == "requires_payment_method":
            raise refusals.unexpected_state(intent, "confirm")
        return self._try(replace(intent, method=method or intent.method))

    def authenticate(self, intent_id: str, *, succeeds: bool) -> Intent:
        """Complete the customer's authentication of a payment that requires it. Raises Refused."""
        intent = self.find(intent_id)
        if intent.status != "requires_action":
            raise refusals.unexpected_state(intent, "authenticate")
        if succeeds:
            return self._authorise(intent)
        return self._decline(intent, Failure(code="payment_intent_authentication_failure", decline_code=None))

    def decide(self, intent_id: str, outcome: str) -> Intent:
        """Complete a payment that was processing, with the bank's decision. Raises Refused."""
        intent = self.find(intent_id)
        if intent.status != "processing":
            raise refusals.unexpected_state(intent, "decide")
        if outcome == "authorised":
            return self._authorise(intent)
        if outcome == "captured":
            return self._succeed(intent)
        return self._decline(intent, Failure(code="card_declined", decline_code="generic_decline"))

    def capture(self, intent_id: str) -> Intent:
        """Capture the whole amount. Raises Refused."""
        intent = self.retrieve(intent_id)
        if intent.status != "requires_capture":
            raise refusals.unexpected_state(intent, "capture")
        if intent.behaviour.refuses_capture:
            raise refusals.capture_refused(self._save(replace(intent, status="canceled"), "payment_intent.canceled"))
        return self._succeed(intent)

    def cancel(self, intent_id: str) -> Intent:
        """Cancel the payment and release its authorisation, if any. Raises Refused."""
        intent = self.retrieve(intent_id)
        if intent.status not in CANCELLABLE:
            raise refusals.unexpected_state(intent, "cancel")
        return self._save(replace(intent, status="canceled"), "payment_intent.canceled")

    def refund(self, wanted: CreateRefund) -> Refund:
        """Refund the captured amount, or a part of it. Raises Refused."""
        intent = self.retrieve(wanted.payment_intent)
        return self.refund_intent(intent, wanted.amount, wanted.metadata)

    def refund_intent(self, intent: Intent, amount: int | None, metadata: dict[str, str]) -> Refund:
        """Refund a payment that was found; without an amount, all that is left. Raises Refused."""
        rest = intent.captured - intent.refunded
        if intent.captured == 0 or intent.charge is None:
            raise refusals.unexpected_state(intent, "refund")
        if rest == 0:
            raise refusals.refunded_already(intent)
        if amount is not None and amount > rest:
            raise refusals.too_much(intent, amount)
        refunded = rest if amount is None else amount
        refund = Refund(
            id=mint("re"),
            intent=intent.id,
            charge=intent.charge,
            amount=refunded,
            currency=intent.currency,
            metadata=metadata,
            created=now(),
        )
        self._store.save_refund(refund)
        after = replace(intent, refunded=intent.refunded + refunded, refunds=intent.refunds + 1)
        self._store.save_intent(after)
        self._queue_webhooks(after, "refund.created", shapes.refund_object(refund))
        self._queue_webhooks(after, "charge.refunded", shapes.charge_object(after))
        return refund

    def refunds(self, intent_id: str) -> list[Refund]:
        """List this payment's refunds, newest first. Raises Refused."""
        return self._store.refunds(self.retrieve(intent_id).id)

    def dispute(self, intent_id: str, reason: str) -> dict[str, Any]:
        """Open the customer's dispute of a captured payment. Raises Refused."""
        intent = self.find(intent_id)
        if intent.status != "succeeded":
            raise refusals.unexpected_state(intent, "dispute")
        disputed = replace(intent, is_disputed=True)
        self._store.save_intent(disputed)
        dispute = shapes.dispute_object(mint("du"), disputed, reason, now())
        self._queue_webhooks(disputed, "charge.dispute.created", dispute)
        return dispute

    def recover(self, intent_id: str) -> Intent:
        """End the outage of one payment. Raises Refused."""
        intent = replace(self.find(intent_id), is_unavailable=False)
        self._store.save_intent(intent)
        return intent

    def _try(self, intent: Intent) -> Intent:
        """Carry out the outcome of the payment method. Raises Refused if it declines."""
        behaviour = intent.behaviour
        tried = replace(intent, charge=mint("ch"), failure=None, is_unavailable=behaviour.is_unavailable)
        match behaviour.outcome:
            case "authorised":
                return self._authorise(tried)
            case "captured":
                return self._succeed(tried)
            case "action":
                return self._save(replace(tried, status="requires_action"), "payment_intent.requires_action")
            case "processing":
                return self._save(replace(tried, status="processing"), "payment_intent.processing")
            case "declined":
                failure = Failure(code=behaviour.code, decline_code=behaviour.decline_code)
                raise refusals.declined(self._decline(tried, failure))

    def _authorise(self, intent: Intent) -> Intent:
        if intent.capture_method != "manual":
            return self._succeed(intent)
        return self._save(replace(intent, status="requires_capture"), "payment_intent.amount_capturable_updated")

    def _succeed(self, intent: Intent) -> Intent:
        return self._save(replace(intent, status="succeeded"), "payment_intent.succeeded")

    def _decline(self, intent: Intent, failure: Failure) -> Intent:
        after = replace(intent, status="requires_payment_method", failure=failure)
        return self._save(after, "payment_intent.payment_failed")

    def _save(self, intent: Intent, event: str) -> Intent:
        self._store.save_intent(intent)
        self._queue_webhooks(intent, event, shapes.intent_object(intent))
        return intent

    def _queue_webhooks(self, intent: Intent, event: str, about: dict[str, Any]) -> None:
        """Queue one webhook, or two, with the delays that the payment method asks for."""
        body = msgspec.json.encode(shapes.event_object(mint("evt"), event, about, now()))
        now_ns = time.time_ns()
        due_times = [now_ns]
        match intent.behaviour.webhooks:
            case "TWICE":
                due_times = [now_ns, now_ns]
            case "LATE":
                due_times = [now_ns + self._late_ns]
            case "REVERSED":
                due_times = [max(now_ns, 2 * intent.created_ns + MIRROR_NS - now_ns)]
        for due in due_times:
            self._store.queue(intent.id, body, due)
