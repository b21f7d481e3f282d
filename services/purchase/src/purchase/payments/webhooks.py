"""Payment webhooks: stored, then acknowledged, then handled; at least once, in any order.

A notification is only a hint. Its handling retrieves the payment from the provider and acts on
that.
"""

import asyncio
import logging
import time
from typing import Literal
from uuid import UUID

import msgspec

from purchase import metrics
from purchase.cases.ledger import Case, Cases
from purchase.payments.cashier import Cashier
from purchase.payments.webhook_ledger import CLAIM_SECONDS, Delivery, WebhookLedger, decode_notification
from purchase.providers import Notification, Payment, Provider, ProviderAway, ProviderSilent
from purchase.store.connection import OutcomeUnknown, Unavailable

DELIVERIES_MAX = 20
"""Deliveries of a notification, in about three hours, before it becomes a case for a person."""

CONCURRENT_MAX = 8

log = logging.getLogger(__name__)


class Webhooks:
    """Receives notifications, which may come twice and in any order, and handles them."""

    def __init__(self, ledger: WebhookLedger, provider: Provider, cashier: Cashier, cases: Cases) -> None:
        self._ledger = ledger
        self._provider = provider
        self._cashier = cashier
        self._cases = cases
        self._at_once = asyncio.Semaphore(CONCURRENT_MAX)

    async def receive(self, body: bytes, signature: str) -> None:
        """Store a notification on disk, unless it needs no handling.

        Raises InvalidSignature, Recovering, Overloaded, OutcomeUnknown.
        """
        notification = self._provider.verify_webhook(body, signature)
        outcome = await self._ledger.store(notification) if self._concerns_us(notification) else "IGNORED"
        metrics.webhooks.labels(notification.kind, outcome.lower()).inc()

    async def handle_webhooks(self) -> int:
        """Handle some stored notifications; return how many were claimed.

        Raises the errors of redis-py.
        """
        until = time.monotonic() + CLAIM_SECONDS
        claimed = await self._ledger.claim()
        await asyncio.gather(*(self._handle_delivery(delivery, until) for delivery in claimed))
        return len(claimed)

    async def _handle_delivery(self, delivery: Delivery, until: float) -> None:
        async with self._at_once:
            if time.monotonic() >= until:  # the claim is over: another process may have claimed it
                return
            try:
                await self._handle_or_open_case(delivery)
                await self._ledger.end(delivery)
            except Exception as error:  # any failure leads to a redelivery
                trace = None if isinstance(error, _UNAVAILABLE) else error
                log.warning("notification not handled: %s", type(error).__name__, exc_info=trace)

    async def _handle_or_open_case(self, delivery: Delivery) -> None:
        """Handle a notification; after `DELIVERIES_MAX` failures open a case for it."""
        try:
            await self._handle(delivery.partition, decode_notification(delivery.notification))
        except Exception as error:
            if delivery.times < DELIVERIES_MAX:
                raise
            case = Case(kind="notification", why=f"{type(error).__name__} {error}", payment_id=_payment_of(delivery))
            await self._cases.open(delivery.partition, case)

    def _concerns_us(self, notification: Notification) -> bool:
        """Return whether a notification is about a payment for a hold of ours, or may be."""
        match notification:
            case Notification(kind="payment", payment_id=str(), hold_id=UUID() as hold_id):
                return self._ledger.home_of(hold_id) is not None
            case Notification(kind="refund" | "dispute", payment_id=str()):
                return True
        return False

    async def _handle(self, partition: int, notification: Notification) -> None:
        match notification:
            case Notification(kind="payment", payment_id=str(payment_id), hold_id=UUID() as hold_id):
                await self._cashier.reconcile(payment_id, hold_id)
            case Notification(kind="refund" | "dispute" as kind, payment_id=str(payment_id)):
                payment = await self._provider.retrieve(payment_id)
                if payment.hold_id is not None:  # otherwise another shop of the same account made it
                    await self._cases.open(partition, _case_of(kind, notification.type, payment))
            case _:
                raise AssertionError(f"{notification} should not have been stored")


def _case_of(kind: Literal["refund", "dispute"], why: str, payment: Payment) -> Case:
    """Return the case of a refund or dispute that began at the provider, with its whole amount."""
    return Case(
        kind=kind,
        why=why,
        payment_id=payment.id,
        amount_cents=payment.refunded_cents if kind == "refund" else payment.amount_cents,
        currency=payment.currency,
    )


def _payment_of(delivery: Delivery) -> str | None:
    """Return the payment that a notification names; None when it cannot be decoded."""
    try:
        return decode_notification(delivery.notification).payment_id
    except msgspec.MsgspecError:
        return None


_UNAVAILABLE = (Unavailable, OutcomeUnknown, ProviderAway, ProviderSilent)
