"""Confirming a hold: what the customer is answered, what the others are told, and that its seats are sold once."""

import asyncio
from uuid import UUID

import pytest
from contracts.payment import PaymentCaptured
from contracts.ticket import TicketCancelled, TicketPurchased
from purchase.http.receipts import Receipts

from tests.stage.hold_records import left_alone, payment_of, payments_of, told_of_seats
from tests.stage.http_client import Json, Show, Window, zone
from tests.stage.problems import assert_problem
from tests.stage.redis_state import Ledger, partition_of
from tests.stage.sandboxes import Sandbox

pytestmark = pytest.mark.at_the_sandbox


def without_receipts(tickets: list[Json]) -> list[Json]:
    return [{name: value for name, value in ticket.items() if name != "receipt"} for ticket in tickets]


async def test_a_hold_is_paid_for_and_becomes_tickets(
    window: Window, show: Show, hold: Json, sandbox: Sandbox, ledger: Ledger
) -> None:
    begun = await window.pay(hold)

    payment = payment_of(sandbox, hold)
    assert begun.status_code == 201
    assert begun.json() == {
        "paymentId": payment["id"],
        "provider": "sandbox",
        "clientSecret": begun.json()["clientSecret"],
        "status": "AUTHORISED",
    }
    assert (await window.found(hold)).json()["status"] == "PAYING"

    confirmed = await window.confirm(hold)

    home = partition_of(show.event_id)
    assert confirmed.status_code == 201
    assert confirmed.headers["consistency-token"] == f"{home}:{ledger.last_position(home)}"
    told = confirmed.json()
    assert (told["holdId"], told["amount"], told["currency"]) == (hold["holdId"], 50.0, "USD")
    sales = told_of_seats(ledger, show, TicketPurchased)
    assert without_receipts(told["tickets"]) == [
        {
            "ticketId": str(sale.data.ticket_id),
            "venueId": show.venue_id,
            "eventId": show.event_id,
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
    assert (await window.found(hold)).json()["status"] == "CONFIRMED"
    assert payment_of(sandbox, hold)["captured"] == 5_000
    [captured] = told_of_seats(ledger, show, PaymentCaptured)
    assert captured.data.ticket_ids == [sale.data.ticket_id for sale in sales]
    assert_problem(await window.buy(show.seat()), 409, "seat-taken")


async def test_the_tickets_of_a_hold_can_be_undone_with_their_receipts(window: Window, hold: Json) -> None:
    confirmation = await window.confirmed(hold)
    receipts = Receipts(["local-receipt-key"])

    for ticket in confirmation["tickets"]:
        assert receipts.verify(ticket["receipt"], UUID(ticket["ticketId"]))
        assert (await window.cancel(ticket)).status_code == 200


async def test_a_confirmation_that_is_repeated_is_the_same(window: Window, hold: Json, ledger: Ledger) -> None:
    await window.pay(hold)
    first = await window.confirm(hold)

    with left_alone(ledger, hold):
        again = await window.confirm(hold)

    assert (again.status_code, again.content) == (201, first.content)


async def test_many_confirmations_at_once_sell_once(window: Window, show: Show, hold: Json, ledger: Ledger) -> None:
    await window.pay(hold)

    answers = await asyncio.gather(*(window.confirm(hold) for _ in range(5)))
    last = await window.confirm(hold)

    assert {answer.status_code for answer in answers} <= {201, 202}
    assert {answer.content for answer in answers if answer.status_code == 201} <= {last.content}
    assert len(told_of_seats(ledger, show, TicketPurchased)) == 2
    assert len(told_of_seats(ledger, show, PaymentCaptured)) == 1


async def test_seats_that_many_confirm_at_once_are_counted_once(window: Window, hold: Json) -> None:
    free = await window.stage(zone(ticketPrice=0))
    given_away = await window.held(free.hold("1a", "1b"))
    await window.pay(hold)
    before = await counted(window)

    for sold in (given_away, hold):
        await asyncio.gather(*(window.confirm(sold) for _ in range(5)))
        assert (await window.confirm(sold)).status_code == 201

    seats, authorised = await counted(window)
    assert (seats - before[0], authorised - before[1]) == (4, 1)


async def counted(window: Window) -> tuple[float, float]:
    """Seats sold and payments authorised, as the service counts them."""
    lines = (await window.http.get("/metrics")).text.splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return float(values["seats_sold_total"]), float(values["payments_authorised_total"])


async def test_nothing_is_sold_before_anything_is_authorised(window: Window, hold: Json) -> None:
    assert_problem(await window.confirm(hold), 402, "payment-required")


async def test_a_customer_who_has_to_act_confirms_afterwards(window: Window, hold: Json, sandbox: Sandbox) -> None:
    begun = await window.pay(hold, "pm_card_authenticationRequired")
    assert (begun.status_code, begun.json()["status"]) == (201, "REQUIRES_ACTION")
    assert_problem(await window.confirm(hold), 402, "payment-required")

    sandbox.authenticate(begun.json()["paymentId"], "succeeded")

    assert (await window.confirm(hold)).status_code == 201


async def test_a_customer_pays_with_the_client_secret(window: Window, hold: Json, sandbox: Sandbox) -> None:
    begun = (await window.pay(hold, None)).json()
    assert begun["status"] == "REQUIRES_PAYMENT"
    sandbox.pay(begun["paymentId"], begun["clientSecret"], "pm_card_visa_chargeDeclined")
    assert_problem(await window.confirm(hold), 402, "payment-required", code="generic_decline")

    sandbox.pay(begun["paymentId"], begun["clientSecret"], "pm_card_visa")

    assert (await window.confirm(hold)).status_code == 201


async def test_a_hold_whose_payment_is_not_decided_is_confirmed_later(
    window: Window, hold: Json, sandbox: Sandbox
) -> None:
    begun = (await window.pay(hold, "pm_sandbox_processing")).json()
    undecided = await window.confirm(hold)
    assert (undecided.status_code, undecided.json()["status"]) == (202, "PAYING")
    assert "consistency-token" in undecided.headers

    sandbox.decide(begun["paymentId"], "authorised")

    assert (await window.confirm(hold)).status_code == 201


async def test_a_method_that_takes_the_money_at_once_is_confirmed_like_any_other(
    window: Window, show: Show, hold: Json, sandbox: Sandbox, ledger: Ledger
) -> None:
    await window.pay(hold, "pm_sandbox_automatic")

    assert (await window.confirm(hold)).status_code == 201
    assert payment_of(sandbox, hold)["refunded"] == 0
    assert len(told_of_seats(ledger, show, PaymentCaptured)) == 1


async def test_tickets_whose_money_is_refused_are_cancelled(
    window: Window, show: Show, hold: Json, sandbox: Sandbox, ledger: Ledger
) -> None:
    await window.pay(hold, "pm_sandbox_capture_refused")

    answers = [await window.confirm(hold), await window.confirm(hold)]

    for answer in answers:
        assert_problem(answer, 402, "payment-declined", code="charge_expired_for_capture")
    assert payment_of(sandbox, hold)["captured"] == 0
    assert len(told_of_seats(ledger, show, TicketCancelled)) == 2
    assert (await window.found(hold)).json()["status"] == "CANCELLED"
    await window.bought(show.seat())


async def test_seats_that_cost_nothing_are_sold_without_a_payment(
    window: Window, sandbox: Sandbox, ledger: Ledger
) -> None:
    show = await window.stage(zone(ticketPrice=0))
    hold = await window.held(show.hold("1a", "1b"))
    with sandbox.misbehaving("busy"):
        confirmed, again = await window.confirm(hold), await window.confirm(hold)

    tickets = confirmed.json()["tickets"]
    assert (confirmed.status_code, confirmed.json()["amount"]) == (201, 0.0)
    assert [(ticket["status"], ticket["price"]) for ticket in tickets] == [("PAID", 0.0)] * 2
    assert again.content == confirmed.content
    assert payments_of(sandbox, hold) == []
    assert len(told_of_seats(ledger, show, TicketPurchased)) == 2
    assert told_of_seats(ledger, show, PaymentCaptured) == []
    assert_problem(await window.buy(show.seat()), 409, "seat-taken")

    assert (await window.cancel(tickets[0])).status_code == 200
    await window.bought(show.seat())
