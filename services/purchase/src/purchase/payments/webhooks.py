"""What the payment provider tells by itself: stored before it is acknowledged, and handled after that.

A notification is a hint: what is done about it is what the payment, as it is at the provider, asks for.
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
from purchase.payments.webhook_ledger import HELD_SECONDS, Delivery, WebhookLedger, decode_notification
from purchase.providers import Notification, Payment, Provider, ProviderAway, ProviderSilent
from purchase.store.connection import OutcomeUnknown, Unavailable

DELIVERIES_MAX = 20
"""How often it is tried to handle a notification, in some three hours, before a person is asked."""

AT_ONCE = 8

log = logging.getLogger(__name__)


class Webhooks:
    """Each notification may come twice, and in any order."""

    def __init__(self, ledger: WebhookLedger, provider: Provider, cashier: Cashier, cases: Cases) -> None:
        self._ledger = ledger
        self._provider = provider
        self._cashier = cashier
        self._cases = cases
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def receive(self, body: bytes, signature: str) -> None:
        """Return once the notification is on disk, unless there is nothing to be done about it.

        Raises InvalidSignature, Recovering, Overloaded, OutcomeUnknown.
        """
        notification = self._provider.verify_webhook(body, signature)
        outcome = await self._ledger.store(notification) if self._concerns_us(notification) else "IGNORED"
        metrics.webhooks.labels(notification.kind, outcome.lower()).inc()

    async def handle_webhooks(self) -> int:
        """Handle some of those that wait; how many that were. Raises what Redis and the connection to it say."""
        until = time.monotonic() + HELD_SECONDS
        claimed = await self._ledger.claim()
        await asyncio.gather(*(self._handle_delivery(delivery, until) for delivery in claimed))
        return len(claimed)

    async def _handle_delivery(self, delivery: Delivery, until: float) -> None:
        async with self._at_once:
            if time.monotonic() >= until:  # by now it is anybody's again
                return
            try:
                await self._handle_at_last(delivery)
                await self._ledger.end(delivery)
            except Exception as error:  # whoever was away, it is delivered again
                trace = None if isinstance(error, _AWAY) else error
                log.warning("a notification was not handled: %s", type(error).__name__, exc_info=trace)

    async def _handle_at_last(self, delivery: Delivery) -> None:
        """Handle it, or put it before a person when that has failed often enough."""
        try:
            await self._handle(delivery.partition, decode_notification(delivery.notification))
        except Exception as error:
            if delivery.times < DELIVERIES_MAX:
                raise
            case = Case(kind="notification", why=f"{type(error).__name__} {error}", payment_id=_payment_of(delivery))
            await self._cases.open(delivery.partition, case)

    def _concerns_us(self, notification: Notification) -> bool:
        """Whether it is about a payment for a hold of ours, or about one that may be."""
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
                if payment.hold_id is not None:  # else it is somebody else's, whom the provider serves too
                    await self._cases.open(partition, _begun_there(kind, notification.type, payment))
            case _:
                raise AssertionError(f"{notification} should not have been stored")


def _begun_there(kind: Literal["refund", "dispute"], why: str, payment: Payment) -> Case:
    """All that was given back of the payment, or all that is disputed."""
    return Case(
        kind=kind,
        why=why,
        payment_id=payment.id,
        amount_cents=payment.refunded_cents if kind == "refund" else payment.amount_cents,
        currency=payment.currency,
    )


def _payment_of(delivery: Delivery) -> str | None:
    """None when it cannot even be read."""
    try:
        return decode_notification(delivery.notification).payment_id
    except msgspec.MsgspecError:
        return None


_AWAY = (Unavailable, OutcomeUnknown, ProviderAway, ProviderSilent)
