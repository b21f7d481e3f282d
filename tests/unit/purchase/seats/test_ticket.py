"""A ticket's id carries its partition and its time; Redis stores every field of a ticket."""

from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID, uuid1, uuid3, uuid4, uuid5

import pytest
from contracts.timestamp import decode_timestamp
from hypothesis import given, strategies as st
from purchase.seats.seat import Seat
from purchase.seats.ticket import Ticket, decode_ticket, encode_ticket
from purchase.store.ids import mint_id, partition_in
from purchase.store.moments import now_us, timestamp_of

from tests.stage.builders import ticket

PARTITIONS = st.integers(0, 4_095)
LAST_MILLISECOND = 2**48 - 1
STORED = bytes.fromhex("9aa54172656e61a447616c61020a1ccd09c4a3555344cf0006474846222240a3616461a470695f31")

TICKETS = st.builds(
    Ticket,
    ticket_id=st.builds(mint_id, PARTITIONS),
    venue_id=st.from_regex(r"[A-Za-z0-9._~-]{1,64}", fullmatch=True),
    event_id=st.from_regex(r"[A-Za-z0-9._~-]{1,64}", fullmatch=True),
    seat=st.builds(Seat, zone_id=st.integers(1, 2**31 - 1), row=st.integers(1, 1_000), column=st.integers(1, 702)),
    price_cents=st.integers(0, 99_999_999),
    currency=st.from_regex(r"[A-Z]{3}", fullmatch=True),
    created_us=st.integers(0, 4 * 10**15),
    customer_id=st.none() | st.text(min_size=1, max_size=128),
)


@given(PARTITIONS)
def test_an_id_carries_its_partition(partition: int) -> None:
    minted = mint_id(partition)
    assert partition_in(minted) == partition
    assert ticket(ticket_id=minted).partition == partition


@given(PARTITIONS)
def test_an_id_is_a_uuid_of_version_7(partition: int) -> None:
    minted = mint_id(partition)
    assert (minted.version, minted.variant) == (7, RFC_4122)
    assert UUID(str(minted)) == minted


def test_an_id_begins_with_the_millisecond_in_which_it_was_minted() -> None:
    before = now_us() // 1_000
    minted = mint_id(7)
    assert before <= minted.int >> 80 <= now_us() // 1_000


@given(PARTITIONS, PARTITIONS, st.lists(st.integers(0, LAST_MILLISECOND), min_size=2, max_size=2, unique=True))
def test_ids_of_later_milliseconds_sort_behind_as_numbers_and_as_text(one: int, other: int, moments: list[int]) -> None:
    earlier, later = (
        _minted_at(moment, partition) for moment, partition in zip(sorted(moments), (one, other), strict=True)
    )
    assert earlier < later
    assert str(earlier) < str(later)
    assert earlier.bytes < later.bytes


def test_no_two_ids_are_alike() -> None:
    assert len({mint_id(1) for _ in range(10_000)}) == 10_000


@pytest.mark.parametrize(
    "foreign", [uuid1(), uuid3(UUID(int=0), "a"), uuid4(), uuid5(UUID(int=0), "a"), UUID(int=0), UUID(int=2**128 - 1)]
)
def test_an_id_of_another_kind_has_no_partition(foreign: UUID) -> None:
    assert partition_in(foreign) is None


@given(TICKETS)
def test_a_ticket_is_read_as_it_was_stored(sold: Ticket) -> None:
    assert decode_ticket(sold.ticket_id, encode_ticket(sold)) == sold


def test_the_bytes_of_a_ticket_stay_as_they_are() -> None:
    sold = ticket(zone_id=2, row=10, column=28, customer_id="ada", payment_id="pi_1")
    assert encode_ticket(sold) == STORED
    assert decode_ticket(sold.ticket_id, STORED) == sold


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999_999), timezones=st.just(UTC)))
def test_a_moment_keeps_every_microsecond_in_its_text(moment: datetime) -> None:
    us = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert decode_timestamp(timestamp_of(us)) == moment


@pytest.mark.parametrize(
    ("us", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1, "1970-01-01T00:00:00.000001Z"),
        (1_767_225_600_000_000, "2026-01-01T00:00:00.000000Z"),
        (1_767_225_599_999_999, "2025-12-31T23:59:59.999999Z"),
    ],
)
def test_the_time_of_a_sale_has_six_decimals(us: int, text: str) -> None:
    assert ticket(created_us=us).created_on == text


def test_a_ticket_has_the_canonical_labels_of_its_seat() -> None:
    seat = ticket(row=10, column=28).seat
    assert (seat.row_label, seat.column_label) == ("10", "ab")


def _minted_at(milliseconds: int, partition: int) -> UUID:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("purchase.store.ids.time.time_ns", lambda: milliseconds * 1_000_000 + 999_999)
        return mint_id(partition)
