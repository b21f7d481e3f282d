"""Buying one seat at once, and cancelling a ticket; both from start to finish."""

from uuid import UUID

from contracts.position import Position
from msgspec import Struct

from purchase import metrics
from purchase.catalogue.judgement import check_customer, check_range, check_sale, decide, offered, zone_of
from purchase.catalogue.offers import Offer, Offers
from purchase.payments.refunds import Refunds
from purchase.refusals import (
    CustomerLimit,
    DirectSalesOff,
    EventFull,
    InvalidSeatLabel,
    Refusal,
    SeatTaken,
    TicketNotFound,
    VenueMismatch,
    ZoneFull,
)
from purchase.seats.inventory import Inventory, Order, Refused, Replayed, Sold
from purchase.seats.labels import parse_seat
from purchase.seats.messages import ticket_cancelled, ticket_purchased
from purchase.seats.seat import Seat
from purchase.seats.ticket import Ticket
from purchase.store.idempotency import KEY_REUSED, IdempotencyKey
from purchase.store.ids import mint_id
from purchase.store.moments import now_us


class PurchaseTicket(Struct, frozen=True, kw_only=True):
    """A command to buy one seat at once."""

    venue_id: str
    event_id: str
    zone_id: int
    row: str
    column: str
    customer_id: str | None = None


class Purchase(Struct, frozen=True):
    """A sold ticket; if replayed, sold by the first command with this idempotency key."""

    ticket: Ticket
    position: Position
    is_replayed: bool


class BoxOffice:
    """The desk of direct sales: it checks against the catalogue, and the inventory decides."""

    def __init__(self, offers: Offers, inventory: Inventory, refunds: Refunds, *, direct_sales: bool) -> None:
        self._offers = offers
        self._inventory = inventory
        self._refunds = refunds
        self._direct_sales = direct_sales

    async def purchase(
        self, command: PurchaseTicket, key: IdempotencyKey | None, traceparent: str | None = None
    ) -> Purchase | Refusal:
        """Sell one seat. A refusal is returned, not raised: most purchases of a rush are refused.

        The message continues the trace of `traceparent` (W3C).

        Raises Recovering, Overloaded, OutcomeUnknown.
        """
        try:
            seat = parse_seat(command.zone_id, command.row, command.column)
        except InvalidSeatLabel as refusal:
            return await self._recall_or_refuse(command, key, refusal)
        decided = await decide(
            self._offers,
            command.event_id,
            lambda offer: self._judge(command, seat, offered(offer, command.event_id), key, traceparent),
            self._inventory.sell,
        )
        if isinstance(decided, Refusal):
            return await self._recall_or_refuse(command, key, decided)
        return _result(*decided)

    async def cancel(self, ticket_id: UUID, traceparent: str | None = None) -> tuple[Ticket, Position]:
        """Cancel a ticket: free its seat and refund its money, now or a little later.

        A repeated call returns the same.

        Raises TicketNotFound, Recovering, Overloaded, OutcomeUnknown.
        """
        ticket = await self._inventory.ticket(ticket_id)
        if ticket is None:
            raise TicketNotFound(f"There is no ticket {ticket_id}.", ticketId=str(ticket_id))
        cancelled = await self._inventory.cancel(ticket, ticket_cancelled(ticket, traceparent))
        if cancelled.is_new:
            metrics.tickets_cancelled.inc()
            if ticket.is_refundable:
                await self._refunds.try_now(ticket_id)
        return ticket, cancelled.position

    async def _recall_or_refuse(
        self, command: PurchaseTicket, key: IdempotencyKey | None, refusal: Refusal
    ) -> Purchase | Refusal:
        """Return the stored result of the key if there is one, else the refusal.

        A replay takes precedence over every check.
        """
        if key is None:
            return refusal
        remembered = await self._inventory.recall(self._offers.partition_of(command.event_id), key)
        if isinstance(remembered, Replayed):
            return Purchase(remembered.ticket, remembered.position, is_replayed=True)
        return refusal if remembered is None else KEY_REUSED

    def _judge(
        self,
        command: PurchaseTicket,
        seat: Seat,
        offer: Offer,
        key: IdempotencyKey | None,
        traceparent: str | None,
    ) -> Order:
        """Return the order for a seat of the offer, at its price.

        The checks stand in their order of precedence; the first that fails raises its refusal.
        """
        event = offer.event
        if event.venue_id != command.venue_id:
            raise VenueMismatch(f"Event {event.event_id} is not at {command.venue_id}.", venueId=event.venue_id)
        zone = zone_of(offer, seat.zone_id)
        check_range(zone, seat)
        if not self._direct_sales:
            raise DirectSalesOff("Tickets are sold through holds only.")
        check_sale(event)
        check_customer(event, command.customer_id)
        partition = self._offers.partition_of(event.event_id)
        ticket = Ticket(
            ticket_id=mint_id(partition),
            venue_id=event.venue_id,
            event_id=event.event_id,
            seat=seat,
            price_cents=zone.price_cents,
            currency=event.currency,
            created_us=now_us(),
            customer_id=command.customer_id,
        )
        return Order(
            ticket=ticket,
            version=offer.version,
            limit=event.max_seats_per_customer,
            key=key,
            message=ticket_purchased(ticket, traceparent),
        )


def _result(order: Order, outcome: Sold | Replayed | Refused) -> Purchase | Refusal:
    if isinstance(outcome, Sold):
        metrics.seats_sold.inc()
        return Purchase(order.ticket, outcome.position, is_replayed=False)
    if isinstance(outcome, Replayed):
        return Purchase(outcome.ticket, outcome.position, is_replayed=True)
    if outcome == "KEY_REUSED":
        return KEY_REUSED
    if outcome == "LIMIT":
        limit = order.limit
        return CustomerLimit(f"A customer may have at most {limit} seats of this event.", maxSeatsPerCustomer=limit)
    metrics.seat_conflicts.inc()
    ticket = order.ticket
    seats = [ticket.seat.facts]
    if outcome == "EVENT_FULL":
        return EventFull(f"Every seat of event {ticket.event_id} is sold.", seats=seats)
    if outcome == "ZONE_FULL":
        return ZoneFull(f"Every seat of zone {ticket.seat.zone_id} is sold.", seats=seats)
    return SeatTaken("The seat is sold or held by another customer.", seats=seats)
