"""Buying a seat: the answer to the buyer, and the message about the sale."""

import asyncio
import re
from typing import Any

import pytest
from contracts.ticket import Sale, TicketPurchased

from tests.stage.http_client import Window, zone
from tests.stage.redis_state import Ledger, partition_of

CREATED_ON = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


async def test_a_seat_is_bought_at_its_price(window: Window) -> None:
    show = await window.stage(zone(1), zone(7, ticketPrice=19.99, rowCount=10))

    answer = await window.buy(show.seat("10", "b", zoneId=7))

    ticket = answer.json()
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["location"] == f"/api/v1/tickets/{ticket['ticketId']}"
    assert "idempotent-replayed" not in answer.headers
    assert ticket == {
        "ticketId": ticket["ticketId"],
        "venueId": show.venue_id,
        "eventId": show.event_id,
        "zoneId": 7,
        "row": "10",
        "column": "b",
        "status": "PAID",
        "price": 19.99,
        "currency": "USD",
        "createdOn": ticket["createdOn"],
        "receipt": ticket["receipt"],
    }


async def test_the_message_says_the_same_as_the_answer(window: Window, ledger: Ledger) -> None:
    show = await window.stage(zone(ticketPrice=0.1))

    answer = await window.buy(show.seat("5", "h", customerId="Ada"))

    ticket = answer.json()
    (message,) = ledger.told_of(ticket["ticketId"])
    assert isinstance(message, TicketPurchased)
    assert answer.headers["consistency-token"] == f"{message.partition}:{message.position}"
    assert message.partition == partition_of(show.event_id)
    assert message.generation == 1
    assert message.data == Sale(
        ticket_id=message.data.ticket_id,
        venue_id=show.venue_id,
        event_id=show.event_id,
        zone_id=1,
        row="5",
        column="h",
        price_cents=10,
        currency="USD",
        created_on=ticket["createdOn"],
    )
    assert str(message.data.ticket_id) == ticket["ticketId"]


async def test_a_sale_is_dated_to_six_decimals(window: Window) -> None:
    show = await window.stage()

    tickets = [await window.bought(show.seat("1", column)) for column in "abcdefgh"]

    assert all(CREATED_ON.fullmatch(ticket["createdOn"]) for ticket in tickets)


async def test_a_price_is_a_json_number(window: Window) -> None:
    show = await window.stage(zone(1, ticketPrice=120), zone(2, ticketPrice=999999.99), zone(3, ticketPrice=0))

    prices = [(await window.buy(show.seat(zoneId=zone_id))).content for zone_id in (1, 2, 3)]

    assert b'"price":120.0,' in prices[0]
    assert b'"price":999999.99,' in prices[1]
    assert b'"price":0.0,' in prices[2]


@pytest.mark.parametrize(
    ("row", "column", "canonical"),
    [
        ("1", "A", ("1", "a")),
        ("B", "10", ("10", "b")),
        ("b", "10", ("10", "b")),
        ("12", "AA", ("12", "aa")),
        ("zZ", "3", ("3", "zz")),
        ("12", "ZZ", ("12", "zz")),
    ],
)
async def test_a_seat_may_be_spelled_in_either_case_and_either_way_round(
    window: Window, row: str, column: str, canonical: tuple[str, str]
) -> None:
    show = await window.stage(zone(rowCount=12, colCount=702))

    ticket = await window.bought(show.seat(row, column))

    assert (ticket["row"], ticket["column"]) == canonical


async def test_two_spellings_of_a_seat_are_one_seat(window: Window) -> None:
    show = await window.stage()
    await window.bought(show.seat("2", "c"))

    answers = [await window.buy(show.seat(row, column)) for row, column in [("2", "C"), ("C", "2"), ("c", "2")]]

    assert [answer.status_code for answer in answers] == [409, 409, 409]


async def test_a_customer_of_128_characters_may_buy(window: Window) -> None:
    show = await window.stage()

    answer = await window.buy(show.seat(customerId="Ü" * 128))

    assert answer.status_code == 201


async def test_the_content_type_may_name_a_character_set(window: Window) -> None:
    show = await window.stage()
    body = f'{{"venueId":"{show.venue_id}","eventId":"{show.event_id}","zoneId":1,"row":"1","column":"a"}}'

    answer = await window.http.post(
        "/api/v1/tickets", content=body, headers={"Content-Type": "application/JSON; charset=utf-8"}
    )

    assert answer.status_code == 201


async def test_messages_contain_neither_receipt_nor_customer(window: Window, ledger: Ledger) -> None:
    show = await window.stage()
    ticket = await window.bought(show.seat(customerId="Ada Lovelace"))

    message = b"".join(ledger.redis.xrange(f"{{{partition_of(show.event_id)}}}:outbox")[-1][1].values())

    assert ticket["ticketId"].encode() in message
    assert b"Ada" not in message
    assert ticket["receipt"].encode() not in message


async def test_a_seat_in_demand_is_sold_once(window: Window, ledger: Ledger) -> None:
    show = await window.stage()

    answers = await asyncio.gather(*(window.buy(show.seat("3", "c")) for _ in range(40)))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 39
    sold: list[Any] = [message for message in ledger.messages() if isinstance(message, TicketPurchased)]
    assert len([message for message in sold if message.data.event_id == show.event_id]) == 1


async def test_all_seats_are_sold_to_a_crowd_each_once(window: Window) -> None:
    show = await window.stage(zone(rowCount=5, colCount=8))
    orders = [show.seat(str(row), column) for row in range(1, 6) for column in "abcdefgh"] * 2

    answers = await asyncio.gather(*(window.buy(order) for order in orders))

    sold = [answer.json() for answer in answers if answer.status_code == 201]
    assert len(sold) == 40
    assert len({(ticket["row"], ticket["column"]) for ticket in sold}) == 40
    assert len({ticket["ticketId"] for ticket in sold}) == 40


async def test_the_consistency_tokens_of_a_partition_rise_by_one(window: Window) -> None:
    show = await window.stage()

    tokens = [(await window.buy(show.seat("1", column))).headers["consistency-token"] for column in "abc"]

    numbers = [int(token.rpartition("-")[2]) for token in tokens]
    assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]
