"""Any sequence of sales, holds, their ends, repetitions and losses leaves Redis as a small model says, to the byte."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest
import redis
from contracts.catalogue import Zone
from contracts.codec import decode
from contracts.position import Position
from contracts.ticket import TicketCancelled, TicketPurchased
from hypothesis import settings, strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from purchase import keys
from purchase.hold_ledger import NewHold
from purchase.idempotency import IdempotencyKey
from purchase.inventory import Order, Outcome
from purchase.outbox import Overloaded, Recovering, connect
from purchase.tickets import Ticket

from tests.integration.purchase.builders import (
    CREATED_US,
    HOLD_MS,
    PARTITIONS,
    best_hold,
    cancelled,
    held_seat,
    idempotency_key,
    new_hold,
    order,
    zone,
)
from tests.integration.purchase.hold_model import HoldModel, places_of
from tests.integration.purchase.passing_time import pass_time
from tests.integration.purchase.seat_model import seat_of
from tests.integration.purchase.sellers import Seller, prepare, selling
from tests.integration.purchase.stored import Stored, StoredMessage, read

# Both events have their home in this partition, so that one call may sell seats of both.
EVENTS = ("Gala", "Circus")
PARTITION = keys.partition_of("Gala", PARTITIONS)
ZONES = (zone(zone_id=1, row_count=1, col_count=2), zone(zone_id=2, row_count=1, col_count=1))
SEATS = [(1, 1), (1, 2), (2, 1)]
CAPACITIES = {event_id: {"1": 2, "2": 1, "all": 3} for event_id in EVENTS}

PROCESSES = st.integers(0, 1)
KEYS = st.builds(idempotency_key, st.sampled_from(["one key", "another key"]), st.sampled_from(["a body", "another"]))
CUSTOMERS = st.sampled_from([(None, None), ("ada", None), ("ada", 1), ("ada", 2), ("bob", 1)])

HOLD_KEYS = st.builds(
    idempotency_key, st.sampled_from(["a hold's", "another's"]), st.sampled_from(["a body", "another"])
)

Wish = tuple[str, tuple[int, int], tuple[str | None, int | None], IdempotencyKey | None]
"""Event, zone and column, customer and how many seats a customer may have, idempotency key."""

WISHES: st.SearchStrategy[Wish] = st.tuples(
    st.sampled_from(EVENTS), st.sampled_from(SEATS), CUSTOMERS, st.none() | KEYS
)

SEATS_WISHED = st.lists(st.sampled_from(SEATS), min_size=1, max_size=3) | st.just(SEATS * 4)
BEST_WISHED = st.tuples(st.sampled_from(ZONES), st.sampled_from([1, 1, 2, 2, 3, 11]))

T = TypeVar("T")


class Lifecycle(RuleBasedStateMachine):
    """Two processes that sell the same few seats, a relay that trims, and a Redis to which things happen."""

    url: str
    on_sale: Mapping[bytes, bytes]
    orders: Bundle[Order] = Bundle("orders")
    holds: Bundle[NewHold] = Bundle("holds")

    @initialize()
    def put_on_sale(self) -> None:
        self.runner = asyncio.Runner()
        self.client: Any = redis.Redis.from_url(self.url)
        self.redis: Any = connect(self.url)
        self.processes = [Seller(self.redis), Seller(self.redis)]
        restore(self.client, self.on_sale)
        stored = read(self.client, PARTITION)
        assert stored.last == Position(1, 1)
        self.model = HoldModel(
            versions=dict.fromkeys(EVENTS, 1), capacities=CAPACITIES, last=stored.last, told=stored.messages
        )
        self.known_epochs: list[int | None] = [None, None]
        self.seen = [Position(0, 0), Position(0, 0)]

    @rule(target=orders, process=PROCESSES, wishes=st.lists(WISHES, min_size=1, max_size=6))
    def sell(self, process: int, wishes: list[Wish]) -> MultipleResults[Order]:
        """One call of new orders, some of them for the same seat."""
        wanted = [self.judged(wish) for wish in wishes]
        self.sell_and_compare(process, wanted)
        return multiple(*wanted)

    @rule(process=PROCESSES, wanted=st.lists(orders, min_size=1, max_size=4))
    def repeat(self, process: int, wanted: list[Order]) -> None:
        """Orders whose answers were lost, in one call; some were carried out, some refused, some are stale by now."""
        self.sell_and_compare(process, wanted)

    @precondition(lambda self: self.model.tickets)
    @rule(process=PROCESSES, number=st.integers(0, 99))
    def cancel(self, process: int, number: int) -> None:
        """One of the tickets that were ever sold, cancelled or not."""
        tickets = list(self.model.tickets.values())
        ticket = tickets[number % len(tickets)].ticket
        if self.must_recover(process):
            with pytest.raises(Recovering):
                self.cancel_through(self.processes[process], ticket)
            return
        assert self.cancel_through(self.processes[process], ticket) == self.model.cancel(ticket)
        self.seen[process] = self.model.last

    @rule(process=PROCESSES, key=KEYS)
    def recall(self, process: int, key: IdempotencyKey) -> None:
        inventory = self.processes[process].inventory
        if self.must_recover(process):
            with pytest.raises(Recovering):
                self.run(inventory.recall(PARTITION, key))
            return
        assert self.run(inventory.recall(PARTITION, key)) == self.model.recall(key)
        self.seen[process] = self.model.last

    @rule(
        target=holds,
        process=PROCESSES,
        event_id=st.sampled_from(EVENTS),
        seats=SEATS_WISHED | BEST_WISHED,
        customer=CUSTOMERS,
        key=st.none() | HOLD_KEYS,
    )
    def hold(
        self,
        process: int,
        event_id: str,
        seats: list[tuple[int, int]] | tuple[Zone, int],
        customer: tuple[str | None, int | None],
        key: IdempotencyKey | None,
    ) -> NewHold:
        """Seats by their names, one of them twice perhaps, or the best of a zone."""
        customer_id, limit = customer
        terms: dict[str, Any] = {"event_id": event_id, "customer_id": customer_id, "limit": limit, "key": key}
        terms["version"] = self.model.versions[event_id]
        if isinstance(seats, tuple):
            wanted = best_hold(*seats, **terms)
        else:
            wanted = new_hold(*(held_seat(zone_id=zone_id, column=column) for zone_id, column in seats), **terms)
        self.hold_and_compare(process, wanted)
        return wanted

    @rule(process=PROCESSES, wanted=holds)
    def hold_again(self, process: int, wanted: NewHold) -> None:
        """One whose answer was lost: it was made, and may have ended since, or it was refused."""
        self.hold_and_compare(process, wanted)

    @precondition(lambda self: self.model.holds)
    @rule(process=PROCESSES, number=st.integers(0, 99), is_given_up=st.booleans())
    def end_hold(self, process: int, number: int, is_given_up: bool) -> None:
        """One of the holds that ever were, by its customer or by whoever thinks that its time is over."""
        holds = list(self.model.holds.values())
        hold = holds[number % len(holds)]
        ledger = self.processes[process].holds
        if self.must_recover(process):
            with pytest.raises(Recovering):
                self.run(ledger.end(hold, is_given_up=is_given_up))
            return
        assert self.run(ledger.end(hold, is_given_up=is_given_up)) == self.model.end(hold, is_given_up=is_given_up)
        self.seen[process] = self.model.last

    @rule(ms=st.sampled_from([HOLD_MS // 2, HOLD_MS]))
    def wait(self, ms: int) -> None:
        pass_time(self.client, PARTITION, ms=ms)
        self.model.pass_time(ms)

    @rule(happening=st.sampled_from(["publish", "change an event", "forget the scripts", "restart", "begin an epoch"]))
    def happen(self, happening: str) -> None:
        match happening:
            case "publish":
                self.publish_one()
            case "change an event":
                self.client.hincrby(keys.event(PARTITION, "Gala"), "version", 1)
                self.model.versions["Gala"] += 1
            case "forget the scripts":
                self.client.script_flush()
            case "restart":
                self.processes[0] = self.processes[0].another()
                self.known_epochs[0] = None
                self.seen[0] = Position(0, 0)
            case "begin an epoch":
                self.model.epoch += 1
                self.client.set(keys.epoch(PARTITION), self.model.epoch)

    @rule(process=PROCESSES, wishes=st.lists(WISHES, min_size=1, max_size=3))
    def sell_without_a_stream(self, process: int, wishes: list[Wish]) -> None:
        with self.outbox_replaced():
            self.client.delete(keys.outbox(PARTITION))
            self.assert_recovering(process, wishes)
            assert not self.client.exists(keys.outbox(PARTITION))

    @precondition(lambda self: self.seen[1].sequence)
    @rule(wishes=st.lists(WISHES, min_size=1, max_size=3))
    def sell_on_a_stream_that_was_rolled_back(self, wishes: list[Wish]) -> None:
        before = Position(self.seen[1].epoch, self.seen[1].sequence - 1)
        with self.outbox_replaced():
            self.client.delete(keys.outbox(PARTITION))
            self.client.xgroup_create(keys.outbox(PARTITION), "rolled back", mkstream=True)
            self.client.execute_command("XSETID", keys.outbox(PARTITION), str(before))
            self.assert_recovering(1, wishes)
            assert self.client.xlen(keys.outbox(PARTITION)) == 0

    @precondition(lambda self: self.waiting)
    @rule(process=PROCESSES, wishes=st.lists(WISHES, min_size=1, max_size=3))
    def sell_into_a_full_outbox(self, process: int, wishes: list[Wish]) -> None:
        bounded = self.processes[process].another(outbox_max=len(self.waiting))
        self.assert_all_refused(Overloaded, self.sell_through(bounded, [self.judged(wish) for wish in wishes]))

    @invariant()
    def redis_keeps_what_the_model_says(self) -> None:
        stored = read(self.client, PARTITION)
        assert stored == self.model.stored()
        self.assert_each_seat_has_one_owner_at_most(stored)
        self.assert_each_held_seat_belongs_to_a_hold_that_has_not_ended(stored)
        self.assert_each_sale_and_cancellation_was_told_once(stored)
        self.assert_positions_have_no_gap()

    # The model may be wrong too: what matters most is also said without it.

    @staticmethod
    def assert_each_seat_has_one_owner_at_most(stored: Stored) -> None:
        paid = [kept.ticket for kept in stored.tickets.values() if not kept.is_cancelled]
        owners = {
            seat: kept.owner for seat, kept in stored.seats.items() if kept.owner is not None and kept.until_ms is None
        }
        assert owners == {seat_of(ticket): ticket.ticket_id for ticket in paid}
        assert len(owners) == len(paid)

    @staticmethod
    def assert_each_held_seat_belongs_to_a_hold_that_has_not_ended(stored: Stored) -> None:
        held = {(seat, kept.owner) for seat, kept in stored.seats.items() if kept.until_ms is not None}
        holds = [hold for hold in stored.holds.values() if hold.state == "HELD"]
        assert held <= {(place, hold.hold_id) for hold in holds for place in places_of(hold)}

    def assert_each_sale_and_cancellation_was_told_once(self, stored: Stored) -> None:
        decoded = [decode(told.message) for told in self.model.told]
        told = [
            (type(message), message.data.ticket_id)
            for message in decoded
            if isinstance(message, TicketPurchased | TicketCancelled)
        ]
        cancelled = [ticket_id for ticket_id, kept in stored.tickets.items() if kept.is_cancelled]
        assert Counter(told) == Counter(
            [(TicketPurchased, ticket_id) for ticket_id in stored.tickets]
            + [(TicketCancelled, ticket_id) for ticket_id in cancelled]
        )

    def assert_positions_have_no_gap(self) -> None:
        for before, after in itertools.pairwise(told.position for told in self.model.told):
            assert before < after
            assert after in (Position(before.epoch, before.sequence + 1), Position(after.epoch, 0))

    @property
    def waiting(self) -> list[StoredMessage]:
        return self.model.told[self.model.trimmed :]

    def publish_one(self) -> None:
        for published in self.waiting[:1]:
            self.client.xdel(keys.outbox(PARTITION), str(published.position))
            self.model.trimmed += 1

    def judged(self, wish: Wish) -> Order:
        """An order by what is on sale now."""
        event_id, (zone_id, column), (customer_id, limit), key = wish
        version = self.model.versions[event_id]
        seat = {"event_id": event_id, "zone_id": zone_id, "column": column}
        return order(version=version, limit=limit, key=key, customer_id=customer_id, **seat)

    def sell_and_compare(self, process: int, wanted: list[Order]) -> None:
        outcomes = self.sell_through(self.processes[process], wanted)
        if self.must_recover(process):
            self.assert_all_refused(Recovering, outcomes)
        else:
            assert outcomes == self.model.sell(wanted)
            self.seen[process] = self.model.last

    def hold_and_compare(self, process: int, wanted: NewHold) -> None:
        ledger = self.processes[process].holds
        if self.must_recover(process):
            with pytest.raises(Recovering):
                self.run(ledger.hold(wanted))
        else:
            assert self.run(ledger.hold(wanted)) == self.model.hold(wanted)
            self.seen[process] = self.model.last

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.run(self.redis.aclose())
            self.runner.close()
            self.client.close()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)

    def must_recover(self, process: int) -> bool:
        """Whether this process meets an epoch that it does not know; it knows it from then on."""
        known, self.known_epochs[process] = self.known_epochs[process], self.model.epoch
        if known in (None, self.model.epoch):
            return False
        self.known_epochs[process] = None
        return True

    def sell_through(self, seller: Seller, wanted: Sequence[Order]) -> list[Outcome | BaseException]:
        async def sell() -> list[Outcome | BaseException]:
            return await asyncio.gather(*(seller.inventory.sell(one) for one in wanted), return_exceptions=True)

        return self.run(sell())

    def cancel_through(self, seller: Seller, ticket: Ticket) -> Position:
        return self.run(seller.inventory.cancel(ticket, cancelled(ticket))).position

    @contextmanager
    def outbox_replaced(self) -> Iterator[None]:
        """Put the outbox back as it was, afterwards."""
        outbox = keys.outbox(PARTITION)
        before = self.client.dump(outbox)
        yield
        self.client.restore(outbox, 0, before, replace=True)

    def assert_recovering(self, process: int, wishes: list[Wish]) -> None:
        wanted = [self.judged(wish) for wish in wishes]
        self.assert_all_refused(Recovering, self.sell_through(self.processes[process], wanted))
        self.known_epochs[process] = None

    @staticmethod
    def assert_all_refused(kind: type[Exception], outcomes: Sequence[object]) -> None:
        assert [type(outcome) for outcome in outcomes] == [kind] * len(outcomes)


@pytest.fixture
async def on_sale(redis_url: str) -> Mapping[bytes, bytes]:
    """Every key of a Redis in which both events are on sale and nothing is sold."""
    await prepare(redis_url)
    async with selling(redis_url) as seller:
        await seller.put_on_sale(*EVENTS, zones=ZONES)
    with redis.Redis.from_url(redis_url) as client:
        return dump(client)


def test_any_sequence_of_commands_agrees_with_the_model(
    redis_url: str, on_sale: Mapping[bytes, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("purchase.hold_messages.now_us", lambda: CREATED_US)
    machine = type("OnThisRedis", (Lifecycle,), {"url": redis_url, "on_sale": on_sale})
    exploration = settings(max_examples=100, stateful_step_count=30, deadline=None, derandomize=True, database=None)
    run_state_machine_as_test(machine, settings=exploration)


def dump(client: Any) -> dict[bytes, bytes]:
    """Every key with all that it holds."""
    return {name: client.dump(name) for name in client.scan_iter()}


def restore(client: Any, dumped: Mapping[bytes, bytes]) -> None:
    """Exactly these keys."""
    pipeline = client.pipeline()
    pipeline.flushall()
    for name, value in dumped.items():
        pipeline.restore(name, 0, value)
    pipeline.execute()
