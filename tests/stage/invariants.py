"""What must be true of seats, tickets, money and messages once every hold is settled, whatever happened before."""

from collections import Counter
from typing import Any
from uuid import UUID

from contracts.codec import decode
from contracts.hold import HoldExpired, HoldReleased
from contracts.payment import PaymentCaptured, PaymentRefunded
from contracts.ticket import TicketCancelled, TicketPurchased
from purchase.holds.hold import Hold, reference_of
from redis import Redis

from tests.stage.models.seats import seat_of
from tests.stage.partition_state import Stored, read
from tests.stage.sandboxes import Sandbox

Owed = tuple[UUID | None, int]
"""A ticket, or None where it is all of a payment, and how many cents of it are to be given back, once."""


class Invariants:
    """Our books of one partition, and the sandbox's of the payments for its holds."""

    def __init__(self, redis: Redis, partition: int, sandbox: Sandbox) -> None:
        self.stored: Stored = read(redis, partition)
        self.holds = list(self.stored.holds.values())
        hold_ids = {str(hold.hold_id) for hold in self.holds}
        entries = sandbox.books()["payment_intents"]
        self.payments = {entry["id"]: entry for entry in entries if entry["metadata"].get("hold") in hold_ids}
        self.told = [decode(message.message) for message in self.stored.messages]
        self._sandbox = sandbox

    def assert_hold(self) -> None:
        """Nothing is left open, every seat has its one owner, every ticket its money, and the others know it all."""
        self._assert_every_hold_has_ended()
        self._assert_each_seat_has_its_one_owner()
        self._assert_captured_money_is_paid_tickets()
        self._assert_money_is_told()
        self._assert_seats_are_told()

    def _assert_every_hold_has_ended(self) -> None:
        assert not self.stored.due
        assert not self.stored.held
        for hold in self.holds:
            assert hold.is_captured if hold.state == "CONFIRMED" else hold.state in _ENDED, hold

    def _assert_each_seat_has_its_one_owner(self) -> None:
        paid = self._paid()
        owners = {place: seat.owner for place, seat in self.stored.seats.items() if seat.owner is not None}
        assert owners == {seat_of(ticket): ticket.ticket_id for ticket in paid}
        assert len(owners) == len(paid)
        assert sum(count for (_, zone), count in self.stored.sold.items() if zone == "all") == len(paid)

    def _assert_captured_money_is_paid_tickets(self) -> None:
        price = Counter[str]()
        for ticket in self._paid():
            assert ticket.payment_id is not None or ticket.price_cents == 0
            if ticket.payment_id is not None:
                price[ticket.payment_id] += ticket.price_cents
        for name, entry in self.payments.items():
            assert entry["authorised"] == 0, entry
            assert entry["captured"] - entry["refunded"] == price[name], entry
        assert price.keys() <= self.payments.keys()

    def _assert_money_is_told(self) -> None:
        sold = {hold.payment_id: hold for hold in self.holds if hold.is_captured and hold.payment_id}
        captured = [told.data for told in self.told if isinstance(told, PaymentCaptured)]
        assert Counter(told.payment for told in captured) == Counter(sold.keys())
        for told in captured:
            assert told.amount_cents == sold[told.payment].amount_cents == self.payments[told.payment]["captured"]
        refunded = [told.data for told in self.told if isinstance(told, PaymentRefunded)]
        for name, entry in self.payments.items():
            owed = self._undone(sold[name]) if name in sold else _late(entry)
            given = [(refund["metadata"]["key"], refund["amount"]) for refund in self._sandbox.refunds(name)]
            told_given = [(told.ticket_id, told.amount_cents) for told in refunded if told.payment == name]
            assert Counter(given) == Counter((_key(entry, ticket_id), cents) for ticket_id, cents in owed), entry
            assert Counter(told_given) == Counter(owed), entry
        assert {told.payment for told in refunded} <= self.payments.keys()

    def _assert_seats_are_told(self) -> None:
        sold = Counter(told.data.ticket_id for told in self.told if isinstance(told, TicketPurchased))
        by_hold = {ticket_id: reference_of(hold.hold_id) for hold in self.holds for ticket_id in hold.ticket_ids}
        assert by_hold == {
            told.data.ticket_id: told.data.hold for told in self.told if isinstance(told, TicketPurchased)
        }
        undone = Counter(told.data.ticket_id for told in self.told if isinstance(told, TicketCancelled))
        assert sold == Counter(self.stored.tickets.keys())
        assert undone == Counter(name for name, kept in self.stored.tickets.items() if kept.is_cancelled)
        ends = Counter(told.data.hold for told in self.told if isinstance(told, HoldReleased | HoldExpired))
        assert ends == Counter(reference_of(hold.hold_id) for hold in self.holds if hold.state in _LET_GO)

    def _undone(self, hold: Hold) -> list[Owed]:
        """What is owed of a payment that was captured for tickets: the price of each that was cancelled."""
        tickets = [self.stored.tickets[ticket_id] for ticket_id in hold.ticket_ids]
        return [(kept.ticket.ticket_id, kept.ticket.price_cents) for kept in tickets if kept.is_owed]

    def _paid(self) -> list[Any]:
        return [kept.ticket for kept in self.stored.tickets.values() if not kept.is_cancelled]


def _late(entry: dict[str, Any]) -> list[Owed]:
    """What is owed of a payment for which there are no tickets: all that it brought."""
    return [(None, entry["captured"])] if entry["captured"] else []


def _key(entry: dict[str, Any], ticket_id: UUID | None) -> str:
    """The key that the provider must have been given for a refund."""
    named = entry["metadata"]
    return f"{ticket_id}:refund" if ticket_id else f"{named['hold']}:{named['attempt']}:refund"


_LET_GO = ("RELEASED", "EXPIRED")
_ENDED = (*_LET_GO, "CANCELLED")
