"""The next step of a payment, as one pure table (docs/payments.md).

It calls neither Redis, nor the provider, nor a clock. A customer's call, the settlement and a
notification of the provider ask it. `steps.py` carries out its answer and asks again.
"""

from enum import Enum
from typing import assert_never

from purchase.holds.hold import Hold
from purchase.providers import NoSuchPayment, Payment, Status


class Step(Enum):
    """One step of a payment."""

    RETRIEVE = "retrieve the payment from the provider"
    AUTHORISE_AGAIN = "repeat the request for a payment whose answer was not recorded"
    WAIT = "poll the payment again later"
    SELL = "sell the seats"
    DECLINE = "end the attempt and hold the seats for another one"
    CAPTURE = "take the money for seats that are sold"
    BEGIN_ENDING = "record that the hold ends once its payment has ended"
    END = "void or refund the payment, then free the seats"
    FREE_SEATS = "end a hold that has no payment"
    FAIL = "raise NoSuchPayment"
    BEGIN = "begin the next attempt to pay"
    REPLACE = "void the payment so that another attempt can begin"
    RECORD = "record the payment and answer with it"
    CONTINUE = "take the next step of the hold that needs this payment"
    VOID_OR_REFUND = "void or refund a payment that no hold needs"
    REST = "nothing"


Answer = Payment | NoSuchPayment | None
"""The provider's answer to RETRIEVE; None before it was asked."""


def next_step(hold: Hold, answer: Answer = None, *, is_past_deadline: bool, is_given_up: bool = False) -> Step:
    """Return the next step of a hold; `is_given_up` when its customer asks to release it.

    A hold that nobody is paying for needs no step here: `holds/desk.py` ends it at its deadline.
    """
    match hold.state:
        case "PAYING" if is_given_up:
            return Step.BEGIN_ENDING
        case "PAYING" if hold.payment_id is None:
            return Step.BEGIN_ENDING if is_past_deadline else Step.AUTHORISE_AGAIN
        case "PAYING":
            return _step_of_attempt(answer, is_past_deadline=is_past_deadline)
        case "ENDING":
            return Step.END
        case "CONFIRMED":
            return Step.REST if hold.is_captured or is_given_up else Step.CAPTURE
        case "HELD":
            return Step.FREE_SEATS if is_given_up else Step.REST
        case "CANCELLED" | "RELEASED" | "EXPIRED":
            return Step.REST
    assert_never(hold.state)


def step_to_pay(hold: Hold, payment: Payment | None, method: str | None, *, is_past_deadline: bool) -> Step:
    """Return the next step for a customer who wants to pay by this method.

    It is REST when there is nothing to pay. Another method replaces a payment that still waits for
    its customer. The provider decides about any other payment, which is then the answer.
    """
    match hold.state, payment and payment.status:
        case "HELD", _:
            return Step.REST if hold.is_free and not is_past_deadline else Step.BEGIN
        case "PAYING", None:
            return Step.AUTHORISE_AGAIN if hold.payment_id is None else Step.RETRIEVE
        case "PAYING", Status.CANCELLED:
            return Step.BEGIN
        case "PAYING", Status.REQUIRES_PAYMENT:
            return Step.RECORD if hold.method is None and method is None else Step.REPLACE
        case "PAYING", Status.REQUIRES_ACTION:
            return Step.RECORD if hold.method == method else Step.REPLACE
        case "PAYING", _:
            return Step.RECORD
    return Step.REST


def step_to_reconcile(hold: Hold | None, payment: Payment) -> Step:
    """Return the next step for a payment that was once made for a hold.

    The hold may be deleted by now. It is deleted only after it was sold, or when none of its
    payments could still bring money. So money that was captured for a deleted hold stays with us.
    """
    if hold is None:
        return Step.REST if payment.status is Status.CAPTURED else Step.VOID_OR_REFUND
    is_its_own = hold.attempt == payment.attempt and hold.payment_id in (None, payment.id)
    if is_its_own and hold.state in ("PAYING", "CONFIRMED", "ENDING"):
        return Step.CONTINUE
    return Step.VOID_OR_REFUND


def _step_of_attempt(answer: Answer, *, is_past_deadline: bool) -> Step:
    """Return the next step of a hold that is being paid for, by the answer of the provider.

    Money that is authorised buys the seats, also after the deadline.
    """
    match answer:
        case None:
            return Step.RETRIEVE
        case Payment(status=Status.AUTHORISED | Status.CAPTURED):
            return Step.SELL
        case Payment(status=Status.CANCELLED):
            return Step.DECLINE
        case _ if is_past_deadline:
            return Step.BEGIN_ENDING
        case NoSuchPayment():
            return Step.FAIL
    return Step.WAIT
