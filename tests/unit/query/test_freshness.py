"""Parsing a Consistency-Token, and whether the read model has reached it."""

import pytest
from contracts.position import Position
from hypothesis import given, strategies as st
from query.freshness import InvalidConsistencyToken, has_reached, parse_token

PARTITIONS = 64


def test_a_token_has_a_partition_and_a_position() -> None:
    assert parse_token("17:2-42", PARTITIONS) == {17: Position(2, 42)}


def test_commas_with_or_without_spaces_separate_partitions() -> None:
    assert parse_token("17:2-42,3:1-0 , 63:1-1", PARTITIONS) == {
        17: Position(2, 42),
        3: Position(1, 0),
        63: Position(1, 1),
    }


def test_the_later_position_of_a_partition_counts() -> None:
    assert parse_token("1:2-0,1:1-99", PARTITIONS) == {1: Position(2, 0)}


@pytest.mark.parametrize(
    "token",
    [
        "",
        ",",
        "17",
        "17:",
        ":1-1",
        "17:1",
        "17:1-",
        "17:-1",
        "64:1-1",
        "-1:1-1",
        "1_0:1-1",
        "١:1-1",
        "17:1-1 2",
        "17:1-1,",
    ],
)
def test_anything_else_is_malformed(token: str) -> None:
    with pytest.raises(InvalidConsistencyToken):
        parse_token(token, PARTITIONS)


@given(st.text())
def test_any_text_is_parsed_or_refused_as_malformed(token: str) -> None:
    try:
        parse_token(token, PARTITIONS)
    except InvalidConsistencyToken:
        return


def test_a_token_is_reached_when_each_of_its_positions_is_reached() -> None:
    projected = {1: Position(1, 42), 2: Position(2, 0)}

    assert has_reached(projected, {1: Position(1, 42)})
    assert has_reached(projected, {1: Position(1, 41), 2: Position(1, 99)})
    assert not has_reached(projected, {1: Position(1, 43)})
    assert not has_reached(projected, {1: Position(1, 42), 2: Position(2, 1)})


def test_a_partition_without_a_projected_position_has_reached_nothing() -> None:
    assert not has_reached({}, {1: Position(0, 0)})
