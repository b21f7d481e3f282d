"""Cursors are opaque, continue after the last page, and are refused if malformed."""

import pytest
from hypothesis import given, strategies as st
from msgspec import Struct
from query.parameters import IDENTIFIER, TICKET_ID, InvalidRequest, cut_page, read_cursor, write_cursor


class Row(Struct, frozen=True):
    event_id: str


def rows(*ids: str) -> list[Row]:
    return [Row(event_id) for event_id in ids]


@given(st.from_regex(IDENTIFIER))
def test_a_cursor_is_read_as_the_id_that_was_written(event_id: str) -> None:
    assert read_cursor(write_cursor(event_id), IDENTIFIER) == event_id


def test_without_a_cursor_the_list_begins_at_the_start() -> None:
    assert read_cursor(None, IDENTIFIER) == ""


@given(st.text())
def test_any_other_text_is_refused(text: str) -> None:
    try:
        event_id = read_cursor(text, IDENTIFIER)
    except InvalidRequest:
        return
    assert write_cursor(event_id) == text


@pytest.mark.parametrize("text", ["", "=", "YQ==", "YR", "YSBi", "w6k", "YQo", "Y Q", "é", write_cursor("a" * 65)])
def test_a_cursor_that_no_page_can_end_with_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        read_cursor(text, IDENTIFIER)

    assert refusal.value.field == "cursor"


def test_a_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        read_cursor(write_cursor("Event2"), TICKET_ID)


def test_one_row_more_than_the_limit_means_that_another_page_follows() -> None:
    assert cut_page(rows("a", "b", "c"), 2, "event_id") == (rows("a", "b"), write_cursor("b"))


def test_no_more_rows_than_the_limit_means_that_this_is_the_last_page() -> None:
    assert cut_page(rows("a", "b"), 2, "event_id") == (rows("a", "b"), None)
    assert cut_page([], 2, "event_id") == ([], None)
