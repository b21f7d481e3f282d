"""Cancels the tickets that the write model refused; opens a case where that is impossible."""

import asyncio
import logging
from collections.abc import Sequence

from contracts.codec import MalformedMessage, decode, read_header, split_batch
from contracts.ticket import TicketRejected

from purchase import metrics
from purchase.cases.ledger import Case, Cases
from purchase.seats.inventory import Inventory
from purchase.seats.messages import ticket_cancelled
from purchase.store.ids import partition_in

PAUSES_SECONDS = (0.1, 0.3, 1.0, 3.0, 5.0, 10.0, 20.0, 20.0)
"""The delay before each retry; about a minute in all."""

SHOWN_MAX = 500
"""How many bytes of a malformed message a case shows."""

log = logging.getLogger(__name__)


class NotOurs(Exception):
    """The message names a ticket that was never sold here, or an owner who cannot have the seat."""


class Rejections:
    """Handles the terminal's messages; duplicates are harmless, and none blocks those behind it."""

    def __init__(self, inventory: Inventory, cases: Cases, *, pauses_seconds: Sequence[float] = PAUSES_SECONDS) -> None:
        self._inventory = inventory
        self._cases = cases
        self._pauses_seconds = pauses_seconds

    async def handle(self, batch: bytes) -> None:
        """Handle every message of a batch.

        Raises Recovering, Overloaded when one can neither be handled nor be made a case.
        """
        try:
            messages = [bytes(raw) for raw in split_batch(batch)]
        except MalformedMessage as error:
            await self._give_up(batch, error)
            return
        for raw in messages:
            await self._handle(raw)

    async def _handle(self, raw: bytes) -> None:
        for pause in (*self._pauses_seconds, None):
            try:
                await self._cancel(raw)
                return
            except (MalformedMessage, NotOurs) as error:
                await self._give_up(raw, error)
                return
            except Exception as error:  # any failure: a retry is harmless
                log.warning("ticket.rejected not handled", exc_info=True)
                if pause is None:
                    await self._give_up(raw, error)
                else:
                    await asyncio.sleep(pause)

    async def _cancel(self, raw: bytes) -> None:
        """Cancel the ticket of a message.

        Raises MalformedMessage, NotOurs, Recovering, Overloaded, OutcomeUnknown.
        """
        message = decode(raw)
        if not isinstance(message, TicketRejected):
            raise MalformedMessage("the message is not for purchase")
        ticket = await self._inventory.ticket(message.data.ticket_id)
        if ticket is None:
            raise NotOurs("there is no such ticket")
        owner_id = message.data.owner_ticket_id
        if owner_id is not None and partition_in(owner_id) != ticket.partition:
            raise NotOurs("the owner's ticket cannot be of this event")
        cancelled = await self._inventory.reject(ticket, ticket_cancelled(ticket, message.traceparent), owner_id)
        if cancelled.is_new:
            log.error("ticket cancelled: another ticket owns its seat", extra={"ticket_id": str(ticket.ticket_id)})
        metrics.rejections.labels("cancelled" if cancelled.is_new else "repeated").inc()

    async def _give_up(self, raw: bytes, error: Exception) -> None:
        """Open a case. Raises Recovering, Overloaded."""
        shown = raw[:SHOWN_MAX].decode(errors="replace")
        why = f"{type(error).__name__}: {error}; the message was {shown}"
        await self._cases.open(read_header(raw).partition or 0, Case(kind="rejection", why=why))
        metrics.rejections.labels("given_up").inc()
