"""What a Consistency-Token says, and when it has been reached."""

import pytest
from contracts.position import Position
from hypothesis import given, strategies as st
from query.freshness import InvalidConsistencyToken, has_reached, parse_token

PARTITIONS = 64


def test_a_token_names_a_position_in_a_partition() -> None:
    assert parse_token("17:2-42", PARTITIONS) == {17: Position(2, 42)}


def test_several_partitions_are_separated_by_commas_and_maybe_spaces() -> None:
    assert parse_token("17:2-42,3:1-0 , 63:1-1", PARTITIONS) == {
        17: Position(2, 42),
        3: Position(1, 0),
        63: Position(1, 1),
    }


def test_of_a_partition_named_twice_the_later_position_counts() -> None:
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
def test_no_text_is_worse_than_malformed(token: str) -> None:
    try:
        parse_token(token, PARTITIONS)
    except InvalidConsistencyToken:
        return


def test_it_has_been_reached_when_every_partition_is_as_far_or_further() -> None:
    projected = {1: Position(1, 42), 2: Position(2, 0)}

    assert has_reached(projected, {1: Position(1, 42)})
    assert has_reached(projected, {1: Position(1, 41), 2: Position(1, 99)})
    assert not has_reached(projected, {1: Position(1, 43)})
    assert not has_reached(projected, {1: Position(1, 42), 2: Position(2, 1)})


def test_a_partition_of_which_nothing_has_been_projected_has_reached_nothing() -> None:
    assert not has_reached({}, {1: Position(0, 0)})
