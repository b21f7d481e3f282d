"""After any sequence of calls, crashes, outages and delays all holds finish and all books agree."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, TypeVar
from uuid import UUID

import pytest
import redis
from contracts.position import Position
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from msgspec import Struct
from msgspec.structs import astuple
from purchase.holds.hold import Hold, HoldSeat
from purchase.payments.cashier import Confirmed
from purchase.payments.ledger import Recorded
from purchase.providers import ProviderAway
from purchase.refusals import HoldExpired, HoldPaid, PaymentDeclined
from purchase.store.connection import connect

from tests.stage import sandboxes
from tests.stage.builders import HOLD_MS, PAYMENT_MS, held_seat, zone
from tests.stage.explorations import exploration
from tests.stage.interleaving import Killed
from tests.stage.payment_process import PaymentProcess
from tests.stage.payment_scenario import EXPECTED, PaymentScenario
from tests.stage.redis_state import RedisState
from tests.stage.sandboxes import Sandbox
from tests.stage.sellers import prepare, selling

pytestmark = pytest.mark.starts_processes

SEATS = [held_seat(column=1, price_cents=0), held_seat(column=2, price_cents=1_000), held_seat(column=3)]
WANTED = st.lists(st.sampled_from(SEATS), min_size=1, max_size=3, unique=True)
METHODS = st.sampled_from(
    [
        "pm_card_visa",
        "pm_card_visa_chargeDeclined",
        "pm_card_authenticationRequired",
        "pm_sandbox_processing",
        "pm_sandbox_automatic",
        "pm_sandbox_capture_refused",
        "pm_sandbox_answer_lost",
        None,
    ]
)
NEXT = {
    "HELD": {"PAYING", "CONFIRMED", "RELEASED", "EXPIRED"},
    "PAYING": {"HELD", "CONFIRMED", "ENDING"},
    "CONFIRMED": {"CANCELLED"},
    "ENDING": {"RELEASED", "EXPIRED"},
}
"""The state diagram."""

HOLDS_MAX = 6
FAILURES = ["unavailable", "busy", "lost"]

T = TypeVar("T")


class Trouble(Struct, frozen=True):
    """The number of commands after which the process is killed, and the failure of the provider."""

    dies_after: int | None = None
    failure: str | None = None


NUMBERS = st.integers(0, 9)
TROUBLES = st.one_of(
    st.just(Trouble()),
    st.just(Trouble()),
    st.builds(Trouble, dies_after=st.integers(0, 11)),
    st.builds(Trouble, failure=st.sampled_from(FAILURES)),
)


def reachable(state: str) -> set[str]:
    """Return this state and every state that may follow it."""
    states = {state}
    while more := {after for before in states for after in NEXT.get(before, set())} - states:
        states |= more
    return states


class Lifecycle(RuleBasedStateMachine):
    """Customers who want the same seats, dying processes, a failing provider, and passing time."""

    url: str
    on_sale: Mapping[bytes, bytes]
    sandbox: Sandbox

    @initialize()
    def put_on_sale(self) -> None:
        self.runner = asyncio.Runner()
        self.redis = redis.Redis.from_url(self.url)
        RedisState(self.redis).restore(dict(self.on_sale))
        self.client = connect(self.url)
        self.scenario = PaymentScenario(self.client, self.redis, self.sandbox)
        self.holds: list[Hold] = []
        self.states: dict[UUID, str] = {}

    @precondition(lambda self: len(self.holds) < HOLDS_MAX)
    @rule(seats=WANTED, method=METHODS, trouble=TROUBLES)
    def hold_and_pay(self, seats: list[HoldSeat], method: str | None, trouble: Trouble) -> None:
        hold = self.hold(seats)
        if hold is not None:
            self.try_to_pay(hold, method, trouble)

    @precondition(lambda self: len(self.holds) < HOLDS_MAX)
    @rule(seats=WANTED)
    def buy(self, seats: list[HoldSeat]) -> None:
        """Buy seats that are free, without any trouble."""
        hold = self.hold(seats)
        if hold is not None:
            self.pay_and_confirm(hold)

    @precondition(lambda self: self.holds)
    @rule(number=NUMBERS, method=METHODS, trouble=TROUBLES)
    def pay(self, number: int, method: str | None, trouble: Trouble) -> None:
        self.try_to_pay(self.one(number), method, trouble)

    @precondition(lambda self: self.holds)
    @rule(number=NUMBERS, trouble=TROUBLES)
    def confirm(self, number: int, trouble: Trouble) -> None:
        hold = self.one(number)
        match self.outcome(trouble, lambda process: process.cashier.confirm(hold.hold_id)):
            case Confirmed(tickets=tickets):
                assert self.state_of(hold) == "CONFIRMED"
                [payment_id] = {ticket.payment_id for ticket in tickets}
                captured = self.scenario.invariants().payments[payment_id]["captured"] if payment_id else 0
                assert captured == hold.amount_cents
            case PaymentDeclined():
                assert self.state_of(hold) == "CANCELLED"
            case HoldExpired():
                assert self.state_of(hold) in ("HELD", "ENDING", "RELEASED", "EXPIRED")

    @precondition(lambda self: self.holds)
    @rule(number=NUMBERS, trouble=TROUBLES)
    def release(self, number: int, trouble: Trouble) -> None:
        hold = self.one(number)
        match self.outcome(trouble, lambda process: process.cashier.release(hold.hold_id)):
            case HoldPaid():
                assert self.state_of(hold) == "CONFIRMED"
            case Position():
                assert self.state_of(hold) in ("RELEASED", "EXPIRED", "CANCELLED")

    @precondition(lambda self: self.ticket_ids())
    @rule(number=NUMBERS, troubles=st.lists(TROUBLES, min_size=1, max_size=3))
    def undo(self, number: int, troubles: list[Trouble]) -> None:
        """Undo any ticket that was ever sold, captured or not, once or more."""
        ticket_id = self.one_ticket(number)
        for trouble in troubles:
            if isinstance(self.outcome(trouble, lambda process: process.box_office.cancel(ticket_id)), tuple):
                assert self.scenario.invariants().stored.tickets[ticket_id].is_cancelled

    @precondition(lambda self: self.ticket_ids())
    @rule(number=NUMBERS, trouble=TROUBLES)
    def give_refund(self, number: int, trouble: Trouble) -> None:
        """Give a refund, whether one is owed or not."""
        ticket_id = self.one_ticket(number)
        self.outcome(trouble, lambda process: process.refunds.give_refund(ticket_id))

    @precondition(lambda self: self.holds)
    @rule(number=NUMBERS, trouble=TROUBLES)
    def finish_hold(self, number: int, trouble: Trouble) -> None:
        self.outcome(trouble, lambda process: process.cashier.finish_hold(self.one(number).hold_id))

    @precondition(lambda self: self.holds)
    @rule(number=NUMBERS, trouble=TROUBLES)
    def notify(self, number: int, trouble: Trouble) -> None:
        """Reconcile any payment, as a notification does in any order, however often and late."""
        payments = self.scenario.payments()
        if payments:
            entry = payments[number % len(payments)]
            [hold] = [hold for hold in self.holds if str(hold.hold_id) == entry["metadata"]["hold"]]
            self.outcome(trouble, lambda process: process.cashier.reconcile(entry["id"], hold.hold_id))

    @precondition(lambda self: self.holds)
    @rule(outcome=st.sampled_from(["authorised", "captured", "declined"]))
    def bank_decides(self, outcome: str) -> None:
        self.scenario.bank_decides(outcome)

    @precondition(lambda self: self.holds)
    @rule(outcome=st.sampled_from(["succeeded", "failed"]))
    def customers_authenticate(self, outcome: str) -> None:
        self.scenario.customers_authenticate(outcome)

    @precondition(lambda self: self.holds)
    @rule(ms=st.sampled_from([HOLD_MS // 8, HOLD_MS // 4, HOLD_MS, PAYMENT_MS]))
    def time_passes(self, ms: int) -> None:
        self.scenario.pass_time(ms)

    @invariant()
    def holds_follow_the_state_diagram(self) -> None:
        for hold in self.holds:
            before, after = self.states[hold.hold_id], self.state_of(hold)
            assert after in reachable(before), (before, after)
            self.states[hold.hold_id] = after

    @invariant()
    def each_seat_has_one_owner_at_most(self) -> None:
        if self.holds:
            invariants = self.scenario.invariants()
            paid = [record.ticket for record in invariants.stored.tickets.values() if not record.is_cancelled]
            seats = [seat for seat in invariants.stored.seats.values() if seat.owner is not None]
            sold = [seat.owner for seat in seats if seat.until_ms is None]
            assert sorted(map(str, sold)) == sorted(str(ticket.ticket_id) for ticket in paid)
            keeping = {hold.hold_id for hold in invariants.holds if hold.state in ("HELD", "PAYING", "ENDING")}
            assert {seat.owner for seat in seats if seat.until_ms is not None} <= keeping

    def teardown(self) -> None:
        if not hasattr(self, "runner"):
            return
        self.run(self.scenario.finish_all())
        self.scenario.invariants().assert_hold()
        self.sell_every_free_seat()
        self.scenario.invariants().assert_hold()
        self.run(self.scenario.close())
        self.run(self.client.aclose())
        self.runner.close()
        self.redis.close()

    def hold(self, seats: list[HoldSeat]) -> Hold | None:
        hold = self.run(self.scenario.hold(seats))
        if hold is not None:
            self.holds.append(hold)
            self.states[hold.hold_id] = hold.state
        return hold

    def try_to_pay(self, hold: Hold, method: str | None, trouble: Trouble) -> None:
        before = self.state_of(hold)
        match self.outcome(trouble, lambda process: process.cashier.pay(hold.hold_id, method, None)):
            case Recorded(payment):
                assert payment.payment_id in self.scenario.invariants().payments
            case PaymentDeclined():
                assert self.state_of(hold) == "HELD"
            case HoldPaid():
                assert self.state_of(hold) == "CONFIRMED"
            case ProviderAway():
                assert self.state_of(hold) == before

    def sell_every_free_seat(self) -> None:
        """Sell every seat without an owner, whatever happened to its owners before."""
        owned = {place for place, seat in self.scenario.invariants().stored.seats.items() if seat.owner is not None}
        free = [held for held in SEATS if ("Gala", *astuple(held.seat)) not in owned]
        if free:
            hold = self.hold(free)
            assert hold is not None
            self.pay_and_confirm(hold)

    def pay_and_confirm(self, hold: Hold) -> None:
        self.try_to_pay(hold, "pm_card_visa", Trouble())
        confirmed = self.outcome(Trouble(), lambda process: process.cashier.confirm(hold.hold_id))
        assert isinstance(confirmed, Confirmed)

    def ticket_ids(self) -> list[UUID]:
        """Return the id of every ticket that was sold, in the order of the holds."""
        ticket_ids = {hold.hold_id: hold.ticket_ids for hold in self.scenario.invariants().holds}
        return [ticket_id for hold in self.holds for ticket_id in ticket_ids[hold.hold_id]]

    def one_ticket(self, number: int) -> UUID:
        tickets = self.ticket_ids()
        return tickets[number % len(tickets)]

    def one(self, number: int) -> Hold:
        return self.holds[number % len(self.holds)]

    def outcome(self, trouble: Trouble, call: Callable[[PaymentProcess], Awaitable[T]]) -> T | BaseException | None:
        """Return the answer or refusal of a process in this trouble; None when it was killed."""
        self.sandbox.misbehave(trouble.failure)
        process = self.scenario.process(commands_max=trouble.dies_after)
        try:
            return self.run(self.answered(call(process)))
        except EXPECTED as refused:
            return refused
        except Killed:
            return None
        finally:
            self.sandbox.misbehave(None)

    @staticmethod
    async def answered(call: Awaitable[T]) -> T:
        return await call

    def state_of(self, hold: Hold) -> str:
        [state] = [stored.state for stored in self.scenario.invariants().holds if stored.hold_id == hold.hold_id]
        return state

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(call)


@pytest.fixture
async def on_sale(redis_url: str) -> Mapping[bytes, bytes]:
    """Return every key of a Redis in which one row of three seats is on sale."""
    await prepare(redis_url)
    async with selling(redis_url) as seller:
        await seller.put_on_sale("Gala", zones=(zone(row_count=1),))
    with redis.Redis.from_url(redis_url) as client:
        return RedisState(client).everything()


@pytest.mark.timeout(300)
def test_every_hold_is_finished_and_the_books_agree_after_anything(
    redis_url: str, on_sale: Mapping[bytes, bytes]
) -> None:
    with sandboxes.serving() as sandbox:
        machine = type("OnThisStage", (Lifecycle,), {"url": redis_url, "on_sale": on_sale, "sandbox": sandbox})
        run_state_machine_as_test(machine, settings=exploration(60, stateful_step_count=20))
