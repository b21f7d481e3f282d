"""Rules for seats, tickets, money and messages that hold once every hold has ended."""

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
"""A ticket (None: the whole payment), and the cents that must be refunded for it, once."""


class Invariants:
    """The state of one partition, and the sandbox's books of the payments for its holds."""

    def __init__(self, redis: Redis, partition: int, sandbox: Sandbox) -> None:
        self.stored: Stored = read(redis, partition)
        self.holds = list(self.stored.holds.values())
        hold_ids = {str(hold.hold_id) for hold in self.holds}
        entries = sandbox.books()["payment_intents"]
        self.payments = {entry["id"]: entry for entry in entries if entry["metadata"].get("hold") in hold_ids}
        self.messages = [decode(message.message) for message in self.stored.messages]
        self._sandbox = sandbox

    def assert_hold(self) -> None:
        """Assert that every hold has ended, each seat has one owner, money and messages agree."""
        self._assert_every_hold_has_ended()
        self._assert_each_seat_has_its_one_owner()
        self._assert_captured_money_is_paid_tickets()
        self._assert_messages_agree_with_money()
        self._assert_messages_agree_with_seats()

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

    def _assert_messages_agree_with_money(self) -> None:
        sold = {hold.payment_id: hold for hold in self.holds if hold.is_captured and hold.payment_id}
        captures = [message.data for message in self.messages if isinstance(message, PaymentCaptured)]
        assert Counter(capture.payment for capture in captures) == Counter(sold.keys())
        for capture in captures:
            captured_cents = self.payments[capture.payment]["captured"]
            assert capture.amount_cents == sold[capture.payment].amount_cents == captured_cents
        refunds = [message.data for message in self.messages if isinstance(message, PaymentRefunded)]
        for name, entry in self.payments.items():
            owed = self._owed_for_tickets(sold[name]) if name in sold else _owed_without_tickets(entry)
            given = [(refund["metadata"]["key"], refund["amount"]) for refund in self._sandbox.refunds(name)]
            sent = [(refund.ticket_id, refund.amount_cents) for refund in refunds if refund.payment == name]
            assert Counter(given) == Counter((_key(entry, ticket_id), cents) for ticket_id, cents in owed), entry
            assert Counter(sent) == Counter(owed), entry
        assert {refund.payment for refund in refunds} <= self.payments.keys()

    def _assert_messages_agree_with_seats(self) -> None:
        purchases = [message.data for message in self.messages if isinstance(message, TicketPurchased)]
        by_hold = {ticket_id: reference_of(hold.hold_id) for hold in self.holds for ticket_id in hold.ticket_ids}
        assert {purchase.ticket_id: purchase.hold for purchase in purchases} == by_hold
        assert Counter(purchase.ticket_id for purchase in purchases) == Counter(self.stored.tickets.keys())
        cancelled = [message.data.ticket_id for message in self.messages if isinstance(message, TicketCancelled)]
        assert Counter(cancelled) == Counter(name for name, kept in self.stored.tickets.items() if kept.is_cancelled)
        ends = [message.data.hold for message in self.messages if isinstance(message, HoldReleased | HoldExpired)]
        assert Counter(ends) == Counter(
            reference_of(hold.hold_id) for hold in self.holds if hold.state in _WITHOUT_PAYMENT
        )

    def _owed_for_tickets(self, hold: Hold) -> list[Owed]:
        """Return the refunds for a payment with tickets: the price of each cancelled ticket."""
        tickets = [self.stored.tickets[ticket_id] for ticket_id in hold.ticket_ids]
        return [(kept.ticket.ticket_id, kept.ticket.price_cents) for kept in tickets if kept.is_owed]

    def _paid(self) -> list[Any]:
        return [kept.ticket for kept in self.stored.tickets.values() if not kept.is_cancelled]


def _owed_without_tickets(entry: dict[str, Any]) -> list[Owed]:
    """Return the refunds for a payment without tickets: all that was captured."""
    return [(None, entry["captured"])] if entry["captured"] else []


def _key(entry: dict[str, Any], ticket_id: UUID | None) -> str:
    """Return the idempotency key that purchase must have sent for a refund."""
    metadata = entry["metadata"]
    return f"{ticket_id}:refund" if ticket_id else f"{metadata['hold']}:{metadata['attempt']}:refund"


_WITHOUT_PAYMENT = ("RELEASED", "EXPIRED")
_ENDED = (*_WITHOUT_PAYMENT, "CANCELLED")
