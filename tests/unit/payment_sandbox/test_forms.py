"""Forms are parsed as Stripe's clients write them; anything else is refused."""

import pytest
from payment_sandbox.forms import ChangeIntent, CreateIntent, read_form
from payment_sandbox.refusals import Refused


def test_names_in_brackets_are_parts_of_one_field() -> None:
    form = read_form("amount=100&currency=usd&metadata[hold]=a&metadata%5Battempt%5D=1", CreateIntent)
    assert form.metadata == {"hold": "a", "attempt": "1"}


@pytest.mark.parametrize("name", ["expand[]", "expand[0]", "expand%5B0%5D"])
def test_lists_may_have_numbers_or_not(name: str) -> None:
    assert read_form(f"{name}=latest_charge", ChangeIntent).expand == ["latest_charge"]


@pytest.mark.parametrize(("text", "confirms"), [("true", True), ("false", False)])
def test_true_and_false_are_booleans(text: str, confirms: bool) -> None:
    assert read_form(f"amount=100&currency=usd&confirm={text}", CreateIntent).confirm is confirms


@pytest.mark.parametrize(
    "text",
    [
        "",
        "amount=100",
        "amount=1.5&currency=usd",
        "amount=-1&currency=usd",
        "amount=100&currency=USD",
        "amount=100&currency=usd&colour=red",
        "amount=100&currency=usd&capture_method=never",
        "amount=100&currency=usd&metadata=none",
        "amount=100&amount[x]=1&currency=usd",
        "amount=100&currency=usd&expand[]=everything",
    ],
)
def test_missing_unknown_and_malformed_parameters_are_refused(text: str) -> None:
    with pytest.raises(Refused) as refused:
        read_form(text, CreateIntent)
    assert refused.value.status == 400
