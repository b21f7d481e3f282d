"""Confirming a hold: the answer, the messages, and the single sale of its seats."""

import asyncio
from uuid import UUID

import pytest
from contracts.payment import PaymentCaptured
from contracts.ticket import TicketCancelled, TicketPurchased
from purchase.http.receipts import Receipts

from tests.stage.hold_records import payment_of, payments_of, seat_messages, unchanged_hold
from tests.stage.http_client import EventOnSale, Json, PurchaseClient, zone_body
from tests.stage.problems import assert_problem
from tests.stage.redis_state import RedisState, partition_of
from tests.stage.sandboxes import Sandbox

pytestmark = pytest.mark.at_the_sandbox


def without_receipts(tickets: list[Json]) -> list[Json]:
    return [{name: value for name, value in ticket.items() if name != "receipt"} for ticket in tickets]


async def test_a_hold_is_paid_for_and_becomes_tickets(
    client: PurchaseClient, event: EventOnSale, hold: Json, sandbox: Sandbox, redis_state: RedisState
) -> None:
    begun = await client.pay(hold)

    payment = payment_of(sandbox, hold)
    assert begun.status_code == 201
    assert begun.json() == {
        "paymentId": payment["id"],
        "provider": "sandbox",
        "clientSecret": begun.json()["clientSecret"],
        "status": "AUTHORISED",
    }
    assert (await client.get_hold(hold)).json()["status"] == "PAYING"

    confirmed = await client.confirm(hold)

    home = partition_of(event.event_id)
    assert confirmed.status_code == 201
    assert confirmed.headers["consistency-token"] == f"{home}:{redis_state.last_position(home)}"
    answer = confirmed.json()
    assert (answer["holdId"], answer["amount"], answer["currency"]) == (hold["holdId"], 50.0, "USD")
    sales = seat_messages(redis_state, event, TicketPurchased)
    assert without_receipts(answer["tickets"]) == [
        {
            "ticketId": str(sale.data.ticket_id),
            "venueId": event.venue_id,
            "eventId": event.event_id,
            "zoneId": 1,
            "row": "1",
            "column": column,
            "status": "PAID",
            "price": 25.0,
            "currency": "USD",
            "createdOn": sale.data.created_on,
        }
        for sale, column in zip(sales, ["a", "b"], strict=True)
    ]
    assert (await client.get_hold(hold)).json()["status"] == "CONFIRMED"
    assert payment_of(sandbox, hold)["captured"] == 5_000
    [captured] = seat_messages(redis_state, event, PaymentCaptured)
    assert captured.data.ticket_ids == [sale.data.ticket_id for sale in sales]
    assert_problem(await client.buy(event.seat()), 409, "seat-taken")


async def test_the_tickets_of_a_hold_can_be_undone_with_their_receipts(client: PurchaseClient, hold: Json) -> None:
    confirmation = await client.confirmed(hold)
    receipts = Receipts(["local-receipt-key"])

    for ticket in confirmation["tickets"]:
        assert receipts.verify(ticket["receipt"], UUID(ticket["ticketId"]))
        assert (await client.cancel(ticket)).status_code == 200


async def test_a_repeated_confirmation_answers_the_same(
    client: PurchaseClient, hold: Json, redis_state: RedisState
) -> None:
    await client.pay(hold)
    first = await client.confirm(hold)

    with unchanged_hold(redis_state, hold):
        again = await client.confirm(hold)

    assert (again.status_code, again.content) == (201, first.content)


async def test_many_confirmations_at_once_sell_once(
    client: PurchaseClient, event: EventOnSale, hold: Json, redis_state: RedisState
) -> None:
    await client.pay(hold)

    answers = await asyncio.gather(*(client.confirm(hold) for _ in range(5)))
    last = await client.confirm(hold)

    assert {answer.status_code for answer in answers} <= {201, 202}
    assert {answer.content for answer in answers if answer.status_code == 201} <= {last.content}
    assert len(seat_messages(redis_state, event, TicketPurchased)) == 2
    assert len(seat_messages(redis_state, event, PaymentCaptured)) == 1


async def test_seats_that_many_confirm_at_once_are_counted_once(client: PurchaseClient, hold: Json) -> None:
    free = await client.put_on_sale(zone_body(ticketPrice=0))
    given_away = await client.held(free.hold("1a", "1b"))
    await client.pay(hold)
    before = await counted(client)

    for sold in (given_away, hold):
        await asyncio.gather(*(client.confirm(sold) for _ in range(5)))
        assert (await client.confirm(sold)).status_code == 201

    seats, authorised = await counted(client)
    assert (seats - before[0], authorised - before[1]) == (4, 1)


async def counted(client: PurchaseClient) -> tuple[float, float]:
    """Return the seats sold and payments authorised, as the metrics count them."""
    lines = (await client.http.get("/metrics")).text.splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return float(values["seats_sold_total"]), float(values["payments_authorised_total"])


async def test_nothing_is_sold_before_anything_is_authorised(client: PurchaseClient, hold: Json) -> None:
    assert_problem(await client.confirm(hold), 402, "payment-required")


async def test_a_customer_authenticates_and_then_confirms(client: PurchaseClient, hold: Json, sandbox: Sandbox) -> None:
    begun = await client.pay(hold, "pm_card_authenticationRequired")
    assert (begun.status_code, begun.json()["status"]) == (201, "REQUIRES_ACTION")
    assert_problem(await client.confirm(hold), 402, "payment-required")

    sandbox.authenticate(begun.json()["paymentId"], "succeeded")

    assert (await client.confirm(hold)).status_code == 201


async def test_a_customer_pays_with_the_client_secret(client: PurchaseClient, hold: Json, sandbox: Sandbox) -> None:
    begun = (await client.pay(hold, None)).json()
    assert begun["status"] == "REQUIRES_PAYMENT"
    sandbox.pay(begun["paymentId"], begun["clientSecret"], "pm_card_visa_chargeDeclined")
    assert_problem(await client.confirm(hold), 402, "payment-required", code="generic_decline")

    sandbox.pay(begun["paymentId"], begun["clientSecret"], "pm_card_visa")

    assert (await client.confirm(hold)).status_code == 201


async def test_a_hold_with_an_undecided_payment_is_confirmed_later(
    client: PurchaseClient, hold: Json, sandbox: Sandbox
) -> None:
    begun = (await client.pay(hold, "pm_sandbox_processing")).json()
    undecided = await client.confirm(hold)
    assert (undecided.status_code, undecided.json()["status"]) == (202, "PAYING")
    assert "consistency-token" in undecided.headers

    sandbox.decide(begun["paymentId"], "authorised")

    assert (await client.confirm(hold)).status_code == 201


async def test_a_payment_that_is_captured_at_once_is_confirmed_like_any_other(
    client: PurchaseClient, event: EventOnSale, hold: Json, sandbox: Sandbox, redis_state: RedisState
) -> None:
    await client.pay(hold, "pm_sandbox_automatic")

    assert (await client.confirm(hold)).status_code == 201
    assert payment_of(sandbox, hold)["refunded"] == 0
    assert len(seat_messages(redis_state, event, PaymentCaptured)) == 1


async def test_tickets_whose_capture_is_refused_are_cancelled(
    client: PurchaseClient, event: EventOnSale, hold: Json, sandbox: Sandbox, redis_state: RedisState
) -> None:
    await client.pay(hold, "pm_sandbox_capture_refused")

    answers = [await client.confirm(hold), await client.confirm(hold)]

    for answer in answers:
        assert_problem(answer, 402, "payment-declined", code="charge_expired_for_capture")
    assert payment_of(sandbox, hold)["captured"] == 0
    assert len(seat_messages(redis_state, event, TicketCancelled)) == 2
    assert (await client.get_hold(hold)).json()["status"] == "CANCELLED"
    await client.bought(event.seat())


async def test_seats_that_cost_nothing_are_sold_without_a_payment(
    client: PurchaseClient, sandbox: Sandbox, redis_state: RedisState
) -> None:
    event = await client.put_on_sale(zone_body(ticketPrice=0))
    hold = await client.held(event.hold("1a", "1b"))
    with sandbox.misbehaving("busy"):
        confirmed, again = await client.confirm(hold), await client.confirm(hold)

    tickets = confirmed.json()["tickets"]
    assert (confirmed.status_code, confirmed.json()["amount"]) == (201, 0.0)
    assert [(ticket["status"], ticket["price"]) for ticket in tickets] == [("PAID", 0.0)] * 2
    assert again.content == confirmed.content
    assert payments_of(sandbox, hold) == []
    assert len(seat_messages(redis_state, event, TicketPurchased)) == 2
    assert seat_messages(redis_state, event, PaymentCaptured) == []
    assert_problem(await client.buy(event.seat()), 409, "seat-taken")

    assert (await client.cancel(tickets[0])).status_code == 200
    await client.bought(event.seat())
