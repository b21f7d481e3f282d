"""Refunds that are owed for cancelled tickets: each is given once and told once, or a person is asked."""

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

AT_ONCE_SECONDS = 3.0
"""How long whoever undoes a purchase waits for the provider at most."""

log = logging.getLogger(__name__)


class Refunds:
    """What is owed is found in Redis alone, so that any process finishes what another began."""

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

    async def try_at_once(self, ticket_id: UUID) -> None:
        """Give a refund now if that is quickly done; else it stays due, and is settled later."""
        try:
            async with asyncio.timeout(AT_ONCE_SECONDS):
                await self.give_refund(ticket_id)
        except (PaymentFailure, Refusal, Unavailable, OutcomeUnknown, TimeoutError) as error:
            log.warning("a refund comes later: %s", type(error).__name__, extra={"ticket_id": str(ticket_id)})

    async def give_refund(self, ticket_id: UUID) -> None:
        """Give back what is owed for a cancelled ticket; while the provider has not decided about it, it stays due.

        Raises ProviderAway, ProviderSilent, Recovering, Overloaded, OutcomeUnknown.
        """
        ticket = await self._inventory.ticket(ticket_id)
        assert ticket is not None, "a refund is due for a ticket that is not kept"
        if not await self._ledger.is_owed(ticket):
            return
        try:
            payment = await self._decided(ticket)
            if payment is not None:
                await self._give(ticket, payment)
        except (RefundRefused, NoSuchPayment) as refusal:
            await self._open_case(ticket, refusal)
            await self._ledger.end(ticket)

    async def _give(self, ticket: Ticket, payment: Payment) -> None:
        """Raises RefundRefused."""
        if payment.status is Status.CANCELLED:  # its money never came
            await self._ledger.end(ticket)
            return
        await self._provider.refund(payment.id, ticket.price_cents, f"{ticket.ticket_id}:refund")
        if await self._ledger.end(ticket, ticket_refunded(ticket, payment, self._provider.name)):
            metrics.tickets_refunded.inc()

    async def _decided(self, ticket: Ticket) -> Payment | None:
        """The ticket's payment, once its money came or never will; what is authorised is captured first."""
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
