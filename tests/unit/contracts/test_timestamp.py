"""A time has exactly one spelling, from any time zone."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from contracts.timestamp import Timestamp, decode_timestamp, encode_timestamp
from hypothesis import given, strategies as st

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=ZONES)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2030, 1, 1, 19, 30, tzinfo=UTC), "2030-01-01T19:30:00.000000Z"),
        (datetime(2030, 1, 1, 19, 30, 0, 1, tzinfo=UTC), "2030-01-01T19:30:00.000001Z"),
        (datetime(2030, 1, 1, 19, 30, 0, 120_000, tzinfo=UTC), "2030-01-01T19:30:00.120000Z"),
        (datetime(2030, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=2))), "2029-12-31T22:30:00.000000Z"),
        (datetime(2029, 12, 31, 16, tzinfo=timezone(timedelta(hours=-8))), "2030-01-01T00:00:00.000000Z"),
        (datetime(987, 6, 5, tzinfo=UTC), "0987-06-05T00:00:00.000000Z"),
    ],
)
def test_a_time_is_formatted_in_utc_with_six_decimals(moment: datetime, text: str) -> None:
    assert encode_timestamp(moment) == text


@given(MOMENTS)
def test_a_time_is_unchanged_after_conversion_to_text_and_back(moment: datetime) -> None:
    text = encode_timestamp(moment)

    assert decode_timestamp(text) == moment
    assert decode_timestamp(text).utcoffset() == timedelta(0)
    assert encode_timestamp(decode_timestamp(text)) == text
    assert msgspec.convert(text, Timestamp) == text


@given(MOMENTS, MOMENTS)
def test_texts_sort_like_their_times(one: datetime, other: datetime) -> None:
    assert (one < other) == (encode_timestamp(one) < encode_timestamp(other))


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(AssertionError):
        encode_timestamp(datetime(2030, 1, 1))


@pytest.mark.parametrize(
    "text",
    [
        "2030-01-01T19:30:00Z", "2030-01-01T19:30:00.000Z", "2030-01-01T19:30:00.0000000Z",
        "2030-01-01T19:30:00.000000", "2030-01-01T19:30:00.000000+00:00", "2030-01-01 19:30:00.000000Z",
        "2030-01-01t19:30:00.000000z", "2030-01-01T19:30:00,000000Z", "２030-01-01T19:30:00.000000Z",
        "2030-01-01T19:30:00.000000Z\n", "2030-01-01", "",
    ],
)  # fmt: skip
def test_messages_refuse_any_other_spelling(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(text, Timestamp)


@pytest.mark.parametrize(
    "text", ["2030-02-30T00:00:00.000000Z", "2030-01-01T25:00:00.000000Z", "0000-01-01T00:00:00.000000Z"]
)
def test_a_day_or_hour_that_does_not_exist_cannot_be_read(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be in|out of range"):
        decode_timestamp(text)
