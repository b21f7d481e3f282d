"""A model of the seat scripts, in a few lines of Python."""

from dataclasses import dataclass, field
from uuid import UUID

from contracts.codec import encode
from contracts.message import Message
from contracts.position import Position
from msgspec.structs import astuple
from purchase.holds.hold import Hold
from purchase.seats.inventory import Order, Outcome, Replayed, Sold
from purchase.seats.ticket import Ticket
from purchase.store.idempotency import IdempotencyKey
from purchase.store.moments import now_us

from tests.stage.builders import cancelled
from tests.stage.partition_state import SeatOfEvent, Stored, StoredMessage, StoredSeat, StoredTicket

NEVER_SOLD = StoredSeat(0, owner=None)


def now_ms() -> int:
    return now_us() // 1_000


def seat_of(ticket: Ticket) -> SeatOfEvent:
    return ticket.event_id, *astuple(ticket.seat)


@dataclass
class SeatModel:
    """A model of one partition.

    `capacities` has the number of seats of each zone of an event, and their sum under "all".
    """

    versions: dict[str, int]
    capacities: dict[str, dict[str, int]]
    last: Position
    messages: list[StoredMessage]
    epoch: int = 1
    trimmed: int = 0
    seats: dict[SeatOfEvent, StoredSeat] = field(default_factory=dict)
    tickets: dict[UUID, StoredTicket] = field(default_factory=dict)
    sold: dict[tuple[str, str], int] = field(default_factory=dict)
    customers: dict[tuple[str, str], int] = field(default_factory=dict)
    remembered: dict[str, tuple[bytes, UUID]] = field(default_factory=dict)
    holds: dict[UUID, Hold] = field(default_factory=dict)

    def stored(self) -> Stored:
        """Return the state that Redis should have now."""
        return Stored(
            seats=self.seats,
            tickets=self.tickets,
            sold=self.sold,
            customers={who: count for who, count in self.customers.items() if count},
            remembered=self.remembered,
            holds=self.holds,
            held=self._held(),
            due={("H", hold.hold_id): hold.deadline_ms for hold in self._unended()},
            messages=self.messages[self.trimmed :],
            last=self.last,
        )

    def sell(self, orders: list[Order]) -> list[Outcome]:
        """Sell to each order in turn, in one call; a replay has the last position of the call."""
        outcomes = [self._sell(order) for order in orders]
        return [
            Replayed(outcome.ticket, self.last) if isinstance(outcome, Replayed) else outcome for outcome in outcomes
        ]

    def recall(self, key: IdempotencyKey) -> Outcome | None:
        if key.digest not in self.remembered:
            return None
        fingerprint, ticket_id = self.remembered[key.digest]
        return Replayed(self.tickets[ticket_id].ticket, self.last) if fingerprint == key.fingerprint else "KEY_REUSED"

    def cancel(self, ticket: Ticket) -> Position:
        kept = self.tickets[ticket.ticket_id]
        if not kept.is_cancelled:
            self._send(cancelled(ticket), kept.generation)
            self.tickets[ticket.ticket_id] = StoredTicket(ticket, kept.generation, is_cancelled=True)
            self.seats[seat_of(ticket)] = StoredSeat(kept.generation, owner=None)
            self._count(ticket, -1)
        return self.last

    def _sell(self, order: Order) -> Outcome:
        ticket = order.ticket
        if ticket.ticket_id in self.tickets:
            return Sold(self.last)
        if order.key is not None and (outcome := self.recall(order.key)):
            return outcome
        if order.version != self.versions[ticket.event_id]:
            return "STALE"
        if order.limit is not None and self._seats_had(ticket) >= order.limit:
            return "LIMIT"
        if not self._is_free(seat_of(ticket)):
            return self._taken(ticket)
        generation = self.seats.get(seat_of(ticket), NEVER_SOLD).generation + 1
        self._send(order.message, generation)
        self.seats[seat_of(ticket)] = StoredSeat(generation, ticket.ticket_id)
        self.tickets[ticket.ticket_id] = StoredTicket(ticket, generation, is_cancelled=False)
        self._count(ticket, 1)
        if order.key is not None:
            self.remembered[order.key.digest] = (order.key.fingerprint, ticket.ticket_id)
        return Sold(self.last)

    def _taken(self, ticket: Ticket) -> Outcome:
        if self._is_full(ticket.event_id, "all"):
            return "EVENT_FULL"
        return "ZONE_FULL" if self._is_full(ticket.event_id, str(ticket.seat.zone_id)) else "TAKEN"

    def _is_free(self, place: SeatOfEvent) -> bool:
        seat = self.seats.get(place, NEVER_SOLD)
        return seat.owner is None or (seat.until_ms is not None and seat.until_ms <= now_ms())

    def _seats_had(self, wanted: Ticket | Hold) -> int:
        """Return how many seats of the event its customer has bought or held."""
        held = sum(len(hold.seats) for hold in self._live_holds(wanted))
        return held + self.customers.get((wanted.event_id, str(wanted.customer_id)), 0)

    def _live_holds(self, wanted: Ticket | Hold) -> list[Hold]:
        """Return the holds that the same customer has for the same event now."""
        who = (wanted.event_id, wanted.customer_id)
        return [
            hold for hold in self._unended() if (hold.event_id, hold.customer_id) == who and hold.deadline_ms > now_ms()
        ]

    def _unended(self) -> list[Hold]:
        return [hold for hold in self.holds.values() if hold.state == "HELD"]

    def _held(self) -> dict[tuple[str, str], dict[UUID, tuple[int, int | None]]]:
        held: dict[tuple[str, str], dict[UUID, tuple[int, int | None]]] = {}
        for hold in self._unended():
            if hold.customer_id is not None:
                of_customer = held.setdefault((hold.event_id, hold.customer_id), {})
                of_customer[hold.hold_id] = (len(hold.seats), hold.deadline_ms)
        return held

    def _is_full(self, event_id: str, zone: str) -> bool:
        return self.sold.get((event_id, zone), 0) == self.capacities[event_id][zone]

    def _count(self, ticket: Ticket, change: int) -> None:
        for zone in (str(ticket.seat.zone_id), "all"):
            self.sold[ticket.event_id, zone] = self.sold.get((ticket.event_id, zone), 0) + change
        if ticket.customer_id is not None:
            who = (ticket.event_id, ticket.customer_id)
            self.customers[who] = self.customers.get(who, 0) + change

    def _send(self, message: Message, generation: int | None) -> None:
        sequence = self.last.sequence + 1 if self.last.epoch == self.epoch else 0
        self.last = Position(self.epoch, sequence)
        self.messages.append(StoredMessage(self.last, generation, encode(message)))
