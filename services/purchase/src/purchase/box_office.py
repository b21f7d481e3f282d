"""The commands a customer may give, each from start to finish."""

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
    """A ticket that was bought, now or (replayed) when its idempotency key first came."""

    ticket: Ticket
    position: Position
    is_replayed: bool


class BoxOffice:
    """Judges by the catalogue, decides by the inventory."""

    def __init__(self, offers: Offers, inventory: Inventory, refunds: Refunds, *, direct_sales: bool) -> None:
        self._offers = offers
        self._inventory = inventory
        self._refunds = refunds
        self._direct_sales = direct_sales

    async def purchase(
        self, wanted: PurchaseTicket, key: IdempotencyKey | None, traceparent: str | None = None
    ) -> Purchase | Refusal:
        """Sell one seat. A refusal is answered, not raised: it is the commonest answer of an on-sale.

        The message continues the trace of `traceparent` (W3C).

        Raises Recovering, Overloaded, OutcomeUnknown.
        """
        try:
            seat = parse_seat(wanted.zone_id, wanted.row, wanted.column)
        except InvalidSeatLabel as refusal:
            return await self._unless_bought_before(wanted, key, refusal)
        decided = await decide(
            self._offers,
            wanted.event_id,
            lambda offer: self._judge(wanted, seat, offered(offer, wanted.event_id), key, traceparent),
            self._inventory.sell,
        )
        if isinstance(decided, Refusal):
            return await self._unless_bought_before(wanted, key, decided)
        return _answered(*decided)

    async def cancel(self, ticket_id: UUID, traceparent: str | None = None) -> tuple[Ticket, Position]:
        """Undo a purchase: the seat is free again, and its money is given back, now or a little later.

        Repeating it answers the same.

        Raises TicketNotFound, Recovering, Overloaded, OutcomeUnknown.
        """
        ticket = await self._inventory.ticket(ticket_id)
        if ticket is None:
            raise TicketNotFound(f"there is no ticket {ticket_id}", ticketId=str(ticket_id))
        cancelled = await self._inventory.cancel(ticket, ticket_cancelled(ticket, traceparent))
        if cancelled.is_new:
            metrics.tickets_cancelled.inc()
            if ticket.is_refundable:
                await self._refunds.try_at_once(ticket_id)
        return ticket, cancelled.position

    async def _unless_bought_before(
        self, wanted: PurchaseTicket, key: IdempotencyKey | None, refusal: Refusal
    ) -> Purchase | Refusal:
        """The refusal, unless the key is remembered: what was answered once stands before every rule."""
        if key is None:
            return refusal
        remembered = await self._inventory.recall(self._offers.partition_of(wanted.event_id), key)
        if isinstance(remembered, Replayed):
            return Purchase(remembered.ticket, remembered.position, is_replayed=True)
        return refusal if remembered is None else KEY_REUSED

    def _judge(
        self,
        wanted: PurchaseTicket,
        seat: Seat,
        offer: Offer,
        key: IdempotencyKey | None,
        traceparent: str | None,
    ) -> Order:
        """The order for a seat that the offer has, at its price; the checks stand in their order of precedence."""
        event = offer.event
        if event.venue_id != wanted.venue_id:
            raise VenueMismatch(f"event {event.event_id} is not at {wanted.venue_id}", venueId=event.venue_id)
        zone = zone_of(offer, seat.zone_id)
        check_range(zone, seat)
        if not self._direct_sales:
            raise DirectSalesOff("tickets are sold through holds only")
        check_sale(event)
        check_customer(event, wanted.customer_id)
        partition = self._offers.partition_of(event.event_id)
        ticket = Ticket(
            ticket_id=mint_id(partition),
            venue_id=event.venue_id,
            event_id=event.event_id,
            seat=seat,
            price_cents=zone.price_cents,
            currency=event.currency,
            created_us=now_us(),
            customer_id=wanted.customer_id,
        )
        return Order(
            ticket=ticket,
            version=offer.version,
            limit=event.max_seats_per_customer,
            key=key,
            message=ticket_purchased(ticket, traceparent),
        )


def _answered(order: Order, outcome: Sold | Replayed | Refused) -> Purchase | Refusal:
    if isinstance(outcome, Sold):
        metrics.seats_sold.inc()
        return Purchase(order.ticket, outcome.position, is_replayed=False)
    if isinstance(outcome, Replayed):
        return Purchase(outcome.ticket, outcome.position, is_replayed=True)
    if outcome == "KEY_REUSED":
        return KEY_REUSED
    if outcome == "LIMIT":
        return CustomerLimit(f"a customer may have {order.limit} seats of this event", maxSeatsPerCustomer=order.limit)
    metrics.seat_conflicts.inc()
    ticket = order.ticket
    seats = [ticket.seat.facts]
    if outcome == "EVENT_FULL":
        return EventFull(f"every seat of {ticket.event_id} is sold", seats=seats)
    if outcome == "ZONE_FULL":
        return ZoneFull(f"every seat of zone {ticket.seat.zone_id} is sold", seats=seats)
    return SeatTaken("the seat is sold or held by another", seats=seats)
