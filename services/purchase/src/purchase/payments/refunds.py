"""Refunds for cancelled tickets: each is given and published once, or becomes a case."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from uuid import UUID

from purchase import metrics
from purchase.cases.ledger import Case, Cases
from purchase.payments.messages import ticket_refunded
from purchase.payments.refund_ledger import RefundLedger
from purchase.providers import NoSuchPayment, Payment, PaymentFailure, Provider, RefundRefused, Status
from purchase.refusals import Refusal
from purchase.seats.inventory import Inventory
from purchase.seats.ticket import Ticket
from purchase.store.connection import OutcomeUnknown, Unavailable

NOW_SECONDS = 3.0
"""The longest time for which undoing a purchase waits for the provider."""

log = logging.getLogger(__name__)


class Refunds:
    """Gives the refunds that Redis lists as owed. So any process can finish what another began."""

    def __init__(
        self,
        ledger: RefundLedger,
        inventory: Inventory,
        provider: Provider,
        cases: Cases,
        finish_hold: Callable[[UUID], Awaitable[None]],
    ) -> None:
        self._ledger = ledger
        self._inventory = inventory
        self._provider = provider
        self._cases = cases
        self._finish_hold = finish_hold

    async def try_now(self, ticket_id: UUID) -> None:
        """Give a refund now if the provider is quick.

        Otherwise it stays due, and the settlement gives it.
        """
        try:
            async with asyncio.timeout(NOW_SECONDS):
                await self.give_refund(ticket_id)
        except (PaymentFailure, Refusal, Unavailable, OutcomeUnknown, TimeoutError) as error:
            log.warning("refund deferred: %s", type(error).__name__, extra={"ticket_id": str(ticket_id)})

    async def give_refund(self, ticket_id: UUID) -> None:
        """Give the refund that is owed for a cancelled ticket.

        It stays due while its payment is undecided.

        Raises ProviderAway, ProviderSilent, Recovering, Overloaded, OutcomeUnknown.
        """
        ticket = await self._inventory.ticket(ticket_id)
        assert ticket is not None, "a refund is due for a ticket that is not stored"
        if not await self._ledger.is_owed(ticket):
            return
        try:
            payment = await self._decided_payment(ticket)
            if payment is not None:
                await self._give(ticket, payment)
        except (RefundRefused, NoSuchPayment) as refusal:
            await self._open_case(ticket, refusal)
            await self._ledger.end(ticket)

    async def _give(self, ticket: Ticket, payment: Payment) -> None:
        """Raises RefundRefused."""
        if payment.status is Status.CANCELLED:  # its money was never taken
            await self._ledger.end(ticket)
            return
        await self._provider.refund(payment.id, ticket.price_cents, f"{ticket.ticket_id}:refund")
        if await self._ledger.end(ticket, ticket_refunded(ticket, payment, self._provider.name)):
            metrics.tickets_refunded.inc()

    async def _decided_payment(self, ticket: Ticket) -> Payment | None:
        """Return the ticket's payment, captured or cancelled; None while it is neither.

        An authorised payment is captured first.
        """
        assert ticket.payment_id is not None, "a refund is due for a ticket that nobody paid for"
        payment = await self._provider.retrieve(ticket.payment_id)
        if payment.status is Status.AUTHORISED and payment.hold_id is not None:
            await self._finish_hold(payment.hold_id)
            payment = await self._provider.retrieve(ticket.payment_id)
        return payment if payment.status in (Status.CAPTURED, Status.CANCELLED) else None

    async def _open_case(self, ticket: Ticket, refusal: RefundRefused | NoSuchPayment) -> None:
        case = Case(
            kind="refund-refused",
            why=f"undone: {refusal}",
            payment_id=ticket.payment_id,
            ticket_id=ticket.ticket_id,
            amount_cents=ticket.price_cents,
            currency=ticket.currency,
        )
        await self._cases.open(ticket.partition, case)
