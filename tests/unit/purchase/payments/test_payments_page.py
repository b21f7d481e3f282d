"""The table of next steps in docs/payments.md has every case, and the code agrees with each row."""

import re
from itertools import product
from pathlib import Path
from typing import Any, get_args

import pytest
from purchase.holds.hold import Hold, State
from purchase.payments.progress import Answer, Step, next_step
from purchase.providers import NoSuchPayment, Payment, Status

from tests.stage.builders import hold

PAGE = Path(__file__).parents[4] / "docs" / "payments.md"
STATES: tuple[State, ...] = get_args(State)
UNKNOWN = "NoSuchPayment"

Case = tuple[State, bool, bool, str | None, bool]
"""State, whether a payment is recorded and captured, the provider's answer, past the deadline."""


def rows() -> list[list[str]]:
    """Return the cells of the rows below "`next_step`, for a hold:"."""
    _, _, rest = PAGE.read_text().partition("`next_step`, for a hold:\n\n")
    _, _, *lines = rest.partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def cases_of(about_hold: str, about_payment: str, about_deadline: str) -> set[Case]:
    """Return every case that a row is about."""
    states = [state for state in STATES if re.search(rf"\b{state}\b", about_hold)]
    recorded = [False] if "no payment recorded" in about_hold else [True]
    captured = [False] if "not captured" in about_hold else ["captured" in about_hold]
    deadlines = {"any": [False, True], "ahead": [False], "past": [True]}[about_deadline]
    return set(product(states, recorded, captured, answers_in(about_payment), deadlines))


def answers_in(about_payment: str) -> list[str | None]:
    every_status = [status.name for status in Status]
    if about_payment == "any":
        return [None, UNKNOWN, *every_status]
    if about_payment in ("not known", "not read yet"):
        return [None]
    return [name for name in (UNKNOWN, *every_status) if re.search(rf"\b{name}\b", about_payment)]


def hold_of(case: Case) -> Hold:
    state, is_recorded, is_captured, _, _ = case
    return hold(state=state, attempt=1, payment_id="pi_1" if is_recorded else None, is_captured=is_captured)


def answer_of(name: str | None) -> Answer:
    fields: dict[str, Any] = {"client_secret": None, "amount_cents": 2_500, "currency": "USD", "refunded_cents": 0}
    if name is None or name == UNKNOWN:
        return NoSuchPayment() if name else None
    return Payment(id="pi_1", status=Status[name], hold_id=None, attempt=1, code=None, **fields)


@pytest.mark.parametrize("row", rows(), ids=lambda row: ", ".join(row[:3]))
def test_the_code_takes_the_step_of_each_row(row: list[str]) -> None:
    about_hold, about_payment, about_deadline, about_step = row
    cases = cases_of(about_hold, about_payment, about_deadline)
    [step] = re.findall(r"^[A-Z_]{3,}", about_step)

    assert cases
    for case in cases:
        *_, answer, is_past = case
        assert next_step(hold_of(case), answer_of(answer), is_past_deadline=is_past) is Step[step], case


def test_each_case_is_in_one_row() -> None:
    listed = [case for about in rows() for case in cases_of(*about[:3])]

    assert len(listed) == len(set(listed))
    assert {(state, is_past) for state, _, _, _, is_past in listed} == set(product(STATES, [False, True]))
    of_attempt = {
        (answer, is_past) for state, is_recorded, _, answer, is_past in listed if state == "PAYING" and is_recorded
    }
    assert of_attempt == set(product(answers_in("any"), [False, True]))
