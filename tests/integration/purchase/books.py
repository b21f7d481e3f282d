"""What must be true of seats, tickets, money and messages once every hold is settled, whatever happened before."""

from collections import Counter
from typing import Any

from contracts.codec import decode
from contracts.hold import HoldExpired, HoldReleased
from contracts.payment import PaymentCaptured, PaymentRefunded
from contracts.ticket import TicketCancelled, TicketPurchased
from purchase.holds import reference_of
from redis import Redis

from tests.integration.purchase.seat_model import seat_of
from tests.integration.purchase.stored import Stored, read
from tests.sandboxes import Sandbox


class Books:
    """Our books of one partition, and the sandbox's of the payments for its holds."""

    def __init__(self, redis: Redis, partition: int, sandbox: Sandbox) -> None:
        self.stored: Stored = read(redis, partition)
        self.holds = list(self.stored.holds.values())
        hold_ids = {str(hold.hold_id) for hold in self.holds}
        entries = sandbox.books()["payment_intents"]
        self.payments = {entry["id"]: entry for entry in entries if entry["metadata"].get("hold") in hold_ids}
        self.told = [decode(message.message) for message in self.stored.messages]

    def assert_agree(self) -> None:
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
            assert ticket.payment_id is not None
            price[ticket.payment_id] += ticket.price_cents
        for name, entry in self.payments.items():
            assert entry["authorised"] == 0, entry
            assert entry["captured"] - entry["refunded"] == price[name], entry
            assert entry["refunds"] <= 1, entry
        assert price.keys() <= self.payments.keys()

    def _assert_money_is_told(self) -> None:
        captured = {told.data.payment: told.data for told in self.told if isinstance(told, PaymentCaptured)}
        refunded = {told.data.payment: told.data for told in self.told if isinstance(told, PaymentRefunded)}
        kept = {name for name, entry in self.payments.items() if entry["captured"] > entry["refunded"]}
        given_back = {name for name, entry in self.payments.items() if entry["refunded"]}
        assert captured.keys() == kept
        assert refunded.keys() == given_back
        for told in captured.values():
            assert told.amount_cents == self.payments[told.payment]["captured"]
        for given in refunded.values():
            assert given.amount_cents == self.payments[given.payment]["refunded"]
        assert self._count(PaymentCaptured) == len(kept)
        assert self._count(PaymentRefunded) == len(given_back)

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

    def _paid(self) -> list[Any]:
        return [kept.ticket for kept in self.stored.tickets.values() if not kept.is_cancelled]

    def _count(self, kind: type) -> int:
        return sum(isinstance(told, kind) for told in self.told)


_LET_GO = ("RELEASED", "EXPIRED")
_ENDED = (*_LET_GO, "CANCELLED")
