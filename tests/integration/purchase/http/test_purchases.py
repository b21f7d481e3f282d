"""Buying a seat: the answer to the buyer, and the message about the sale."""

import asyncio
import re
from typing import Any

import pytest
from contracts.ticket import Sale, TicketPurchased

from tests.stage.http_client import PurchaseClient, zone_body
from tests.stage.redis_state import RedisState, partition_of

CREATED_ON = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


async def test_a_seat_is_bought_at_its_price(client: PurchaseClient) -> None:
    event = await client.put_on_sale(zone_body(1), zone_body(7, ticketPrice=19.99, rowCount=10))

    answer = await client.buy(event.seat("10", "b", zoneId=7))

    ticket = answer.json()
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["location"] == f"/api/v1/tickets/{ticket['ticketId']}"
    assert "idempotent-replayed" not in answer.headers
    assert ticket == {
        "ticketId": ticket["ticketId"],
        "venueId": event.venue_id,
        "eventId": event.event_id,
        "zoneId": 7,
        "row": "10",
        "column": "b",
        "status": "PAID",
        "price": 19.99,
        "currency": "USD",
        "createdOn": ticket["createdOn"],
        "receipt": ticket["receipt"],
    }


async def test_the_message_says_the_same_as_the_answer(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale(zone_body(ticketPrice=0.1))

    answer = await client.buy(event.seat("5", "h", customerId="Ada"))

    ticket = answer.json()
    (message,) = redis_state.messages_about(ticket["ticketId"])
    assert isinstance(message, TicketPurchased)
    assert answer.headers["consistency-token"] == f"{message.partition}:{message.position}"
    assert message.partition == partition_of(event.event_id)
    assert message.generation == 1
    assert message.data == Sale(
        ticket_id=message.data.ticket_id,
        venue_id=event.venue_id,
        event_id=event.event_id,
        zone_id=1,
        row="5",
        column="h",
        price_cents=10,
        currency="USD",
        created_on=ticket["createdOn"],
    )
    assert str(message.data.ticket_id) == ticket["ticketId"]


async def test_a_sale_is_dated_to_six_decimals(client: PurchaseClient) -> None:
    event = await client.put_on_sale()

    tickets = [await client.bought(event.seat("1", column)) for column in "abcdefgh"]

    assert all(CREATED_ON.fullmatch(ticket["createdOn"]) for ticket in tickets)


async def test_a_price_is_a_json_number(client: PurchaseClient) -> None:
    event = await client.put_on_sale(
        zone_body(1, ticketPrice=120), zone_body(2, ticketPrice=999999.99), zone_body(3, ticketPrice=0)
    )

    prices = [(await client.buy(event.seat(zoneId=zone_id))).content for zone_id in (1, 2, 3)]

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
    client: PurchaseClient, row: str, column: str, canonical: tuple[str, str]
) -> None:
    event = await client.put_on_sale(zone_body(rowCount=12, colCount=702))

    ticket = await client.bought(event.seat(row, column))

    assert (ticket["row"], ticket["column"]) == canonical


async def test_two_spellings_of_a_seat_are_one_seat(client: PurchaseClient) -> None:
    event = await client.put_on_sale()
    await client.bought(event.seat("2", "c"))

    answers = [await client.buy(event.seat(row, column)) for row, column in [("2", "C"), ("C", "2"), ("c", "2")]]

    assert [answer.status_code for answer in answers] == [409, 409, 409]


async def test_a_customer_of_128_characters_may_buy(client: PurchaseClient) -> None:
    event = await client.put_on_sale()

    answer = await client.buy(event.seat(customerId="Ü" * 128))

    assert answer.status_code == 201


async def test_the_content_type_may_name_a_character_set(client: PurchaseClient) -> None:
    event = await client.put_on_sale()
    body = f'{{"venueId":"{event.venue_id}","eventId":"{event.event_id}","zoneId":1,"row":"1","column":"a"}}'

    answer = await client.http.post(
        "/api/v1/tickets", content=body, headers={"Content-Type": "application/JSON; charset=utf-8"}
    )

    assert answer.status_code == 201


async def test_messages_contain_neither_receipt_nor_customer(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale()
    ticket = await client.bought(event.seat(customerId="Ada Lovelace"))

    message = b"".join(redis_state.redis.xrange(f"{{{partition_of(event.event_id)}}}:outbox")[-1][1].values())

    assert ticket["ticketId"].encode() in message
    assert b"Ada" not in message
    assert ticket["receipt"].encode() not in message


async def test_a_seat_in_demand_is_sold_once(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale()

    answers = await asyncio.gather(*(client.buy(event.seat("3", "c")) for _ in range(40)))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 39
    sold: list[Any] = [message for message in redis_state.messages() if isinstance(message, TicketPurchased)]
    assert len([message for message in sold if message.data.event_id == event.event_id]) == 1


async def test_all_seats_are_sold_to_a_crowd_each_once(client: PurchaseClient) -> None:
    event = await client.put_on_sale(zone_body(rowCount=5, colCount=8))
    orders = [event.seat(str(row), column) for row in range(1, 6) for column in "abcdefgh"] * 2

    answers = await asyncio.gather(*(client.buy(order) for order in orders))

    sold = [answer.json() for answer in answers if answer.status_code == 201]
    assert len(sold) == 40
    assert len({(ticket["row"], ticket["column"]) for ticket in sold}) == 40
    assert len({ticket["ticketId"] for ticket in sold}) == 40


async def test_the_consistency_tokens_of_a_partition_rise_by_one(client: PurchaseClient) -> None:
    event = await client.put_on_sale()

    tokens = [(await client.buy(event.seat("1", column))).headers["consistency-token"] for column in "abc"]

    numbers = [int(token.rpartition("-")[2]) for token in tokens]
    assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]
