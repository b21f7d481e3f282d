"""Money is written as a JSON number that equals the cents exactly."""

import json
from decimal import Decimal

import pytest
from hypothesis import given, strategies as st
from msgspec import Struct
from query.answers import encode
from query.money import Money, from_cents


class Price(Struct):
    price: Money


@pytest.mark.parametrize(
    ("cents", "text"),
    [
        (0, "0.0"),
        (1, "0.01"),
        (10, "0.1"),
        (1999, "19.99"),
        (32000, "320.0"),
        (967_200_000, "9672000.0"),
        (99_999_999, "999999.99"),
    ],
)
def test_cents_are_written_as_a_decimal_amount(cents: int, text: str) -> None:
    assert encode(Price(from_cents(cents))) == f'{{"price":{text}}}'.encode()


@given(st.integers(min_value=0, max_value=10**18))
def test_a_reader_of_decimals_gets_the_exact_cents(cents: int) -> None:
    read = json.loads(encode(Price(from_cents(cents))), parse_float=Decimal)

    assert read["price"] * 100 == cents
