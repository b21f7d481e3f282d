"""The table of the next steps of a payment, row by row, and an answer for every combination."""

from itertools import product
from typing import Any, get_args

import pytest
from purchase.holds.hold import Hold, State
from purchase.payments.progress import Answer, Step, next_step, step_to_pay, step_to_reconcile
from purchase.providers import NoSuchPayment, Payment, Status

from tests.stage.builders import held_seat, hold

STATES: tuple[State, ...] = get_args(State)
OPEN = [Status.REQUIRES_PAYMENT, Status.REQUIRES_ACTION, Status.PROCESSING]
AUTHORISED = [Status.AUTHORISED, Status.CAPTURED]
UNKNOWN = NoSuchPayment("resource_missing")
METHOD = "pm_card_visa"


def hold_in(state: State, **fields: Any) -> Hold:
    """A hold in its first attempt to pay, whose payment is recorded."""
    attempt = {"attempt": 1, "method": METHOD, "payment_id": "pi_1"}
    return hold(**{"state": state, **attempt, **fields})


def payment(status: Status, **fields: Any) -> Payment:
    """The payment of that attempt."""
    own = {"id": "pi_1", "attempt": 1, "hold_id": None, "amount_cents": 2_500, "currency": "USD"}
    return Payment(status=status, **{**own, "client_secret": None, "refunded_cents": 0, "code": None, **fields})


def answer(of: Status | NoSuchPayment | None) -> Answer:
    return payment(of) if isinstance(of, Status) else of


def name_of(value: object) -> str | None:
    return value.name if isinstance(value, Status | Step) else type(value).__name__ if value is UNKNOWN else None


NEXT: list[tuple[State, Status | NoSuchPayment | None, bool, Step]] = [
    # Authorised, the seats are sold; also when the authorisation is late.
    *(("PAYING", status, is_past, Step.SELL) for status in AUTHORISED for is_past in (False, True)),
    # Declined, the seats are held for another attempt.
    *(("PAYING", Status.CANCELLED, is_past, Step.DECLINE) for is_past in (False, True)),
    # Undecided, the payment is polled until the deadline.
    *(("PAYING", status, False, Step.WAIT) for status in OPEN),
    *(("PAYING", status, True, Step.BEGIN_ENDING) for status in OPEN),
    # An unknown payment keeps the seats until the deadline, too.
    ("PAYING", UNKNOWN, False, Step.FAIL),
    ("PAYING", UNKNOWN, True, Step.BEGIN_ENDING),
    # The provider decides, so its answer comes first.
    *(("PAYING", None, is_past, Step.RETRIEVE) for is_past in (False, True)),
    # Sold, the money is taken, however late.
    *(("CONFIRMED", None, is_past, Step.CAPTURE) for is_past in (False, True)),
    # The seats are freed after the payment has ended.
    *(("ENDING", None, is_past, Step.END) for is_past in (False, True)),
    # No payment is under way.
    *((state, None, is_past, Step.REST) for state in STATES[-3:] for is_past in (False, True)),
    *(("HELD", None, is_past, Step.REST) for is_past in (False, True)),
]


@pytest.mark.parametrize(("state", "status", "is_past", "step"), NEXT, ids=name_of)
def test_the_next_step_follows_from_state_payment_and_deadline(
    state: State, status: Status | NoSuchPayment | None, is_past: bool, step: Step
) -> None:
    assert next_step(hold_in(state), answer(status), is_past_deadline=is_past) is step


@pytest.mark.parametrize("method", [None, METHOD], ids=["the customer confirms", "a method is named"])
@pytest.mark.parametrize(("is_past", "step"), [(False, Step.AUTHORISE_AGAIN), (True, Step.BEGIN_ENDING)])
def test_a_payment_whose_answer_was_not_recorded_is_requested_again_until_the_deadline(
    method: str | None, is_past: bool, step: Step
) -> None:
    unanswered = hold_in("PAYING", method=method, payment_id=None)
    assert next_step(unanswered, is_past_deadline=is_past) is step


def test_a_hold_that_is_sold_and_captured_needs_no_step() -> None:
    captured = hold_in("CONFIRMED", is_captured=True)
    assert next_step(captured, is_past_deadline=True) is Step.REST


def test_a_free_hold_never_needs_a_payment() -> None:
    free = hold(held_seat(price_cents=0))
    assert next_step(free, is_past_deadline=False) is Step.REST
    assert step_to_pay(free, None, METHOD, is_past_deadline=False) is Step.REST


@pytest.mark.parametrize(
    ("state", "step"),
    [
        ("HELD", Step.FREE_SEATS),
        ("PAYING", Step.BEGIN_ENDING),
        ("ENDING", Step.END),
        ("CONFIRMED", Step.REST),
        ("CANCELLED", Step.REST),
        ("RELEASED", Step.REST),
        ("EXPIRED", Step.REST),
    ],
    ids=name_of,
)
@pytest.mark.parametrize("payment_id", [None, "pi_1"], ids=["not recorded", "recorded"])
def test_a_customer_gives_up_a_hold_that_is_not_sold(state: State, payment_id: str | None, step: Step) -> None:
    given_up = hold_in(state, payment_id=payment_id)
    assert next_step(given_up, is_given_up=True, is_past_deadline=False) is step


PAY: list[tuple[State, Status | None, Step]] = [
    ("HELD", None, Step.BEGIN),
    ("PAYING", None, Step.RETRIEVE),
    ("PAYING", Status.CANCELLED, Step.BEGIN),
    *(("PAYING", status, Step.RECORD) for status in [Status.PROCESSING, *AUTHORISED]),
    *((state, None, Step.REST) for state in STATES[2:]),
]


@pytest.mark.parametrize("method", [None, METHOD, "pm_another"])
@pytest.mark.parametrize("is_past", [False, True], ids=["in time", "past the deadline"])
@pytest.mark.parametrize(("state", "status", "step"), PAY, ids=name_of)
def test_a_customer_pays_unless_a_payment_is_under_way(
    state: State, status: Status | None, step: Step, is_past: bool, method: str | None
) -> None:
    under_way = payment(status) if status else None
    assert step_to_pay(hold_in(state), under_way, method, is_past_deadline=is_past) is step


@pytest.mark.parametrize(
    ("begun_with", "method", "requires_payment", "requires_action"),
    [
        (None, None, Step.RECORD, Step.RECORD),
        (METHOD, METHOD, Step.REPLACE, Step.RECORD),
        (METHOD, "pm_another", Step.REPLACE, Step.REPLACE),
        (METHOD, None, Step.REPLACE, Step.REPLACE),
        (None, METHOD, Step.REPLACE, Step.REPLACE),
    ],
)
def test_another_method_replaces_a_payment_that_waits_for_its_customer(
    begun_with: str | None, method: str | None, requires_payment: Step, requires_action: Step
) -> None:
    paying = hold_in("PAYING", method=begun_with)
    steps = [
        step_to_pay(paying, payment(status), method, is_past_deadline=False)
        for status in (Status.REQUIRES_PAYMENT, Status.REQUIRES_ACTION)
    ]
    assert steps == [requires_payment, requires_action]


def test_a_payment_that_another_call_has_requested_is_requested_again() -> None:
    unanswered = hold_in("PAYING", payment_id=None)
    assert step_to_pay(unanswered, None, METHOD, is_past_deadline=False) is Step.AUTHORISE_AGAIN


def test_paying_for_an_expired_free_hold_is_left_to_the_ledger() -> None:
    free = hold(held_seat(price_cents=0))
    assert step_to_pay(free, None, METHOD, is_past_deadline=True) is Step.BEGIN  # the script answers EXPIRED


@pytest.mark.parametrize("status", Status, ids=name_of)
@pytest.mark.parametrize("state", STATES)
def test_a_payment_that_its_hold_needs_is_continued_and_any_other_is_voided_or_refunded(
    state: State, status: Status
) -> None:
    expected = Step.CONTINUE if state in ("PAYING", "CONFIRMED", "ENDING") else Step.VOID_OR_REFUND
    own = payment(status)
    older, second = payment(status, id="pi_0", attempt=0), payment(status, id="pi_2")

    assert step_to_reconcile(hold_in(state), own) is expected
    assert step_to_reconcile(hold_in(state, payment_id=None), own) is expected
    assert [step_to_reconcile(hold_in(state), other) for other in (older, second)] == [Step.VOID_OR_REFUND] * 2


@pytest.mark.parametrize("status", Status, ids=name_of)
def test_only_money_that_bought_seats_stays_after_its_hold_is_deleted(status: Status) -> None:
    expected = Step.REST if status is Status.CAPTURED else Step.VOID_OR_REFUND
    assert step_to_reconcile(None, payment(status)) is expected


def test_every_combination_has_an_answer() -> None:
    answers = [None, UNKNOWN, *map(payment, Status)]
    flags = [False, True]
    for state, payment_id, is_captured, cents in product(STATES, (None, "pi_1"), flags, (0, 2_500)):
        seats = (held_seat(price_cents=cents),)
        stored = hold_in(state, payment_id=payment_id, is_captured=is_captured, seats=seats)
        for given, is_past, is_given_up in product(answers, flags, flags):
            assert next_step(stored, given, is_past_deadline=is_past, is_given_up=is_given_up) in Step
        for under_way, is_past, method in product([None, *map(payment, Status)], flags, (None, METHOD)):
            assert step_to_pay(stored, under_way, method, is_past_deadline=is_past) in Step
        for status in Status:
            assert step_to_reconcile(stored, payment(status)) in Step
