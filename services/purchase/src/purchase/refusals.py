"""Every refusal of a command; a refused command has changed nothing.

Refusal
├── InvalidRequest          `field` names the part at fault
├── UnsupportedMediaType    the body is not application/json
├── InvalidIdempotencyKey   not 1 to 255 visible ASCII characters
├── InvalidSeatLabel        no seat of any zone can have this label
├── EventNotFound
├── VenueNotFound
├── VenueMismatch           the event is at another venue
├── ZoneNotFound
├── SeatOutOfRange
├── DirectSalesOff
├── SalesNotOpen
├── SalesClosed
├── CustomerRequired        the event limits the seats of a customer, and the command names none
├── CustomerLimit           the customer would have too many seats of the event, or too many holds
├── TooManySeats            more seats than one hold may have
├── DuplicateSeat           the same seat twice in one hold
├── SeatTaken               sold or held by another customer, or fewer seats are free than requested
├── ZoneFull                taken, and every seat of the zone is sold
├── EventFull               taken, and every seat of the event is sold
├── SeatsInUse              a definition would remove seats that are sold or held
├── KeyReused               the idempotency key was used with another body
├── TicketNotFound
├── HoldNotFound
├── HoldExpired             the hold has ended or is about to end
├── HoldPaid                the seats of the hold are sold
├── PaymentRequired         the hold has no authorised payment
├── PaymentDeclined         with the provider's code
├── Unauthorized
└── Forbidden

`http/problems.py` maps each to the problem that the client receives.
"""

from typing import Any


class Refusal(Exception):
    """A refusal: its reason as a sentence, and the values that matter, named as in the JSON."""

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
