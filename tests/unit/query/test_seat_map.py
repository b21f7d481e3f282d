"""A zone is drawn as one string per row and one character per seat."""

from query.seat_map import draw_rows


def test_every_seat_of_a_zone_without_a_sale_is_free() -> None:
    assert draw_rows(2, 3, held={}, sold={}) == ["...", "..."]


def test_sold_seats_are_marked_in_any_order() -> None:
    assert draw_rows(3, 4, held={}, sold={1: [4, 1], 3: [2]}) == ["S..S", "....", ".S.."]


def test_held_seats_have_their_own_mark() -> None:
    assert draw_rows(2, 4, held={1: [2, 1]}, sold={1: [4]}) == ["HH.S", "...."]


def test_a_seat_that_is_held_and_sold_is_drawn_as_sold() -> None:
    assert draw_rows(1, 2, held={1: [1, 2]}, sold={1: [2]}) == ["HS"]


def test_seats_outside_the_zone_are_not_drawn() -> None:
    assert draw_rows(1, 2, held={1: [3], 2: [2]}, sold={1: [3, 2], 2: [1]}) == [".S"]
