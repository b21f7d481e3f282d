"""Everything that a command can be refused for; whoever was refused changed nothing.

Refusal
├── InvalidRequest          `field` names the part that is wrong
├── UnsupportedMediaType    the body is not application/json
├── InvalidIdempotencyKey   not 1 to 255 visible ASCII characters
├── InvalidSeatLabel        the label means no seat in any zone
├── EventNotFound
├── VenueNotFound
├── VenueMismatch           the event is not at that venue
├── ZoneNotFound
├── SeatOutOfRange
├── DirectSalesOff
├── SalesNotOpen
├── SalesClosed
├── CustomerRequired        the event limits the seats of a customer, and none was named
├── CustomerLimit           the customer would have too many seats of the event, or has as many holds as one may
├── TooManySeats            more than one hold may have
├── DuplicateSeat           the same seat twice in one hold
├── SeatTaken               sold or held by another; or fewer seats are free than were asked for
├── ZoneFull                taken, and every seat of the zone is sold
├── EventFull               taken, and every seat of the event is sold
├── SeatsInUse              a definition would remove seats that are sold or held
├── KeyReused               the idempotency key came with another body before
├── TicketNotFound
├── HoldNotFound
├── HoldExpired             it has ended, or is about to
├── HoldPaid                its seats are sold
├── PaymentRequired         nothing is authorised
├── PaymentDeclined         with the provider's code
├── Unauthorized
└── Forbidden
"""

from typing import Any


class Refusal(Exception):
    """Says why in a sentence, and carries the values that matter under their names on the wire."""

    def __init__(self, detail: str, **facts: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.facts = facts


class InvalidRequest(Refusal): ...


class UnsupportedMediaType(Refusal): ...


class InvalidIdempotencyKey(Refusal): ...


class InvalidSeatLabel(Refusal): ...


class EventNotFound(Refusal): ...


class VenueNotFound(Refusal): ...


class VenueMismatch(Refusal): ...


class ZoneNotFound(Refusal): ...


class SeatOutOfRange(Refusal): ...


class DirectSalesOff(Refusal): ...


class SalesNotOpen(Refusal): ...


class SalesClosed(Refusal): ...


class CustomerRequired(Refusal): ...


class CustomerLimit(Refusal): ...


class TooManySeats(Refusal): ...


class DuplicateSeat(Refusal): ...


class SeatTaken(Refusal): ...


class ZoneFull(Refusal): ...


class EventFull(Refusal): ...


class SeatsInUse(Refusal): ...


class KeyReused(Refusal): ...


class TicketNotFound(Refusal): ...


class HoldNotFound(Refusal): ...


class HoldExpired(Refusal): ...


class HoldPaid(Refusal): ...


class PaymentRequired(Refusal): ...


class PaymentDeclined(Refusal): ...


class Unauthorized(Refusal): ...


class Forbidden(Refusal): ...
