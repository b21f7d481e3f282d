"""A zone is drawn as one string per row and one character per seat."""

from query.seat_map import draw_rows


def test_a_zone_that_sold_nothing_is_all_free() -> None:
    assert draw_rows(2, 3, {}) == ["...", "..."]


def test_sold_seats_are_marked_in_any_order() -> None:
    assert draw_rows(3, 4, {1: [4, 1], 3: [2]}) == ["S..S", "....", ".S.."]


def test_seats_outside_the_zone_are_not_drawn() -> None:
    assert draw_rows(1, 2, {1: [3, 2], 2: [1]}) == [".S"]
