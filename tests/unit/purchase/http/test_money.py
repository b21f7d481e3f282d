"""Money is whole cents inside and a number with two decimals outside; no cent is lost between."""

from decimal import Decimal

import msgspec
import pytest
from contracts.catalogue import Cents
from hypothesis import given, strategies as st
from purchase.http.answers import ticket_answer, venue_answer
from purchase.http.bodies import DefineVenueBody
from purchase.http.requests import decode_body
from purchase.refusals import InvalidRequest

from tests.stage.builders import ticket, venue, zone

CENTS = st.integers(0, 99_999_999)
DECODER = msgspec.json.Decoder(DefineVenueBody)


def price_cents(price: str) -> int:
    """Return the price of a zone that is defined with this JSON number. Raises InvalidRequest."""
    body = '{"zones":[{"zoneId":1,"ticketPrice":%s,"rowCount":1,"colCount":1}]}' % price  # noqa: UP031
    (defined,) = decode_body(body.encode(), DECODER).venue("Arena").zones
    return defined.price_cents


@given(CENTS)
def test_every_price_is_read_to_the_cent(cents: int) -> None:
    assert price_cents(f"{cents // 100}.{cents % 100:02}") == cents


@given(CENTS)
def test_every_price_is_written_exactly(cents: int) -> None:
    answer = msgspec.json.encode(ticket_answer(ticket(price_cents=cents), "PAID", receipt=None))
    price = msgspec.json.decode(answer, type=dict[str, msgspec.Raw])["price"]
    assert Decimal(bytes(price).decode()) == Decimal(cents) / 100


@given(CENTS)
def test_an_answered_price_defines_the_same_price(cents: int) -> None:
    (answered,) = venue_answer(venue(zones=(zone(price_cents=cents),))).zones
    assert price_cents(msgspec.json.encode(answered.ticket_price).decode()) == cents


@pytest.mark.parametrize(
    ("price", "cents"),
    [
        ("0", 0), ("0.00", 0), ("-0", 0), ("0.01", 1), ("0.29", 29), ("1.1", 110), ("120", 12_000), ("120.0", 12_000),
        ("1.2e2", 12_000), ("1E+5", 10_000_000), ("8.50000000000000000000000000000000000000000000", 850),
        ("999999.99", 99_999_999),
    ],
)  # fmt: skip
def test_a_price_can_be_any_json_number(price: str, cents: int) -> None:
    assert price_cents(price) == cents


@pytest.mark.parametrize(
    "price",
    [
        "-0.01", "-1", "0.001", "1.005", "999999.991", "1000000", "1e6", "1e400", "1e-400", "1e999999", "1e-999999",
        "0." + "0" * 60 + "1", "9" * 60, '"NaN"', '"Infinity"', '"-Infinity"', '"sNaN"',
    ],
)  # fmt: skip
def test_any_other_price_is_refused_with_the_name_of_the_field(price: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        price_cents(price)
    assert refused.value.facts["field"] == "zones[0].ticketPrice"


@given(CENTS)
def test_every_price_fits_the_messages(cents: int) -> None:
    assert msgspec.convert(cents, Cents) == cents
