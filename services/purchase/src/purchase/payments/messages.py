"""The messages about money.

They name a hold by its reference: its id is a secret of its customer.
"""

from uuid import UUID

from contracts.payment import Capture, PaymentCaptured, PaymentRefunded, Refund

from purchase import SOURCE
from purchase.holds.hold import Hold, reference_of
from purchase.providers import Payment
from purchase.seats.ticket import Ticket
from purchase.store.ids import partition_bits
from purchase.store.moments import now_us, timestamp_of


def payment_captured(hold: Hold, provider: str, traceparent: str | None = None) -> PaymentCaptured:
    """Return the message that the money for the tickets of this hold was taken."""
    assert hold.payment_id is not None
    now = timestamp_of(now_us())
    return PaymentCaptured(
        id=f"{hold.payment_id}:captured",
        source=SOURCE,
        subject=hold.payment_id,
        time=now,
        partition=hold.partition,
        traceparent=traceparent,
        data=Capture(
            payment=hold.payment_id,
            provider=provider,
            hold=hold.reference,
            event_id=hold.event_id,
            ticket_ids=list(hold.ticket_ids),
            amount_cents=hold.amount_cents,
            currency=hold.currency,
            captured_on=now,
        ),
    )


def late_money_refunded(payment: Payment, hold_id: UUID, provider: str) -> PaymentRefunded:
    """Return the message that a payment was refunded completely because its seats were gone."""
    now = timestamp_of(now_us())
    return PaymentRefunded(
        id=f"{payment.id}:refunded:late",
        source=SOURCE,
        subject=payment.id,
        time=now,
        partition=partition_bits(hold_id),
        data=Refund(
            payment=payment.id,
            provider=provider,
            hold=reference_of(hold_id),
            amount_cents=payment.amount_cents,
            currency=payment.currency,
            refunded_on=now,
        ),
    )


def ticket_refunded(ticket: Ticket, payment: Payment, provider: str) -> PaymentRefunded:
    """Return the message that a cancelled ticket was refunded."""
    now = timestamp_of(now_us())
    return PaymentRefunded(
        id=f"{payment.id}:refunded:{ticket.ticket_id}",
        source=SOURCE,
        subject=payment.id,
        time=now,
        partition=ticket.partition,
        data=Refund(
            payment=payment.id,
            provider=provider,
            hold=reference_of(payment.hold_id) if payment.hold_id else None,
            event_id=ticket.event_id,
            ticket_id=ticket.ticket_id,
            amount_cents=ticket.price_cents,
            currency=ticket.currency,
            refunded_on=now,
        ),
    )
