"""Messages about a ticket; they never name its customer or its payment."""

from typing import Any

from contracts.ticket import Cancellation, Sale, TicketCancelled, TicketPurchased

from purchase import SOURCE
from purchase.seats.ticket import Ticket
from purchase.store.moments import now_us, timestamp_of


def ticket_purchased(ticket: Ticket, traceparent: str | None = None, *, hold: str | None = None) -> TicketPurchased:
    """Create the message of a sale, direct or out of a hold, which is named by its reference."""
    sale = Sale(**_fields(ticket), hold=hold)
    return TicketPurchased(
        id=f"{ticket.ticket_id}:1",
        source=SOURCE,
        subject=str(ticket.ticket_id),
        time=sale.created_on,
        partition=ticket.partition,
        traceparent=traceparent,
        data=sale,
    )


def ticket_cancelled(ticket: Ticket, traceparent: str | None = None) -> TicketCancelled:
    now = timestamp_of(now_us())
    return TicketCancelled(
        id=f"{ticket.ticket_id}:2",
        source=SOURCE,
        subject=str(ticket.ticket_id),
        time=now,
        partition=ticket.partition,
        traceparent=traceparent,
        data=Cancellation(**_fields(ticket), cancelled_on=now),
    )


def _fields(ticket: Ticket) -> dict[str, Any]:
    return {
        "ticket_id": ticket.ticket_id,
        "venue_id": ticket.venue_id,
        "event_id": ticket.event_id,
        "zone_id": ticket.seat.zone_id,
        "row": ticket.seat.row_label,
        "column": ticket.seat.column_label,
        "price_cents": ticket.price_cents,
        "currency": ticket.currency,
        "created_on": ticket.created_on,
    }
