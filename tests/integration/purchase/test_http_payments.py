"""A hold is paid for and becomes tickets; whatever goes wrong on the way is told, and costs nobody a seat or money."""

import asyncio
import json
from collections import Counter
from typing import Any
from uuid import UUID

import httpx
import pytest
from contracts.hold import HoldReleased, SeatsHeld
from contracts.payment import PaymentCaptured
from contracts.ticket import TicketCancelled, TicketPurchased
from purchase.holds import reference_of
from purchase.receipts import Receipts
from purchase.tickets import mint_id

from tests.integration.purchase.arrivals import until
from tests.integration.purchase.builders import HOLD_MS, PAYMENT_MS
from tests.integration.purchase.ledger import Ledger, partition_of
from tests.integration.purchase.paper_trail import left_alone, payment_of, payments_of, state_of, told_of_seats
from tests.integration.purchase.passing_time import let_pass
from tests.integration.purchase.problems import assert_problem
from tests.integration.purchase.shows import Json, Show, Window, unique, zone
from tests.sandboxes import Sandbox

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


async def test_the_others_are_told_until_when_the_seats_are_kept(
    window: Window, show: Show, hold: Json, ledger: Ledger
) -> None:
    assert (await window.pay(hold, "pm_card_visa_chargeDeclined")).status_code == 402
    held = (await window.found(hold)).json()

    told = told_of_seats(ledger, show, SeatsHeld)

    reference = reference_of(UUID(hold["holdId"]))
    assert [message.id for message in told] == [f"{reference}:{version}" for version in (1, 2, 3)]
    assert [message.data.expires_at for message in told][::2] == [hold["expiresAt"], held["expiresAt"]]
    assert told[1].data.expires_at > told[2].data.expires_at


async def test_a_declined_payment_leaves_the_hold_and_another_attempt_may_follow(
    window: Window, hold: Json, sandbox: Sandbox
) -> None:
    declined = await window.pay(hold, "pm_card_visa_chargeDeclinedInsufficientFunds")

    assert_problem(declined, 402, "payment-declined", code="insufficient_funds")
    assert (await window.found(hold)).json()["status"] == "HELD"
    assert_problem(await window.confirm(hold), 402, "payment-required", code="insufficient_funds")
    await window.confirmed(hold)
    assert payment_of(sandbox, hold)["metadata"]["attempt"] == "2"


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


async def test_where_there_is_nothing_to_pay_no_payment_is_begun(
    window: Window, sandbox: Sandbox, ledger: Ledger
) -> None:
    show = await window.stage(zone(ticketPrice=0))
    hold = await window.held(show.hold())

    with left_alone(ledger, hold):
        assert_problem(await window.pay(hold), 402, "payment-declined", code="nothing_to_pay")

    assert payments_of(sandbox, hold) == []
    let_pass(ledger, show, HOLD_MS)
    assert_problem(await window.pay(hold), 410, "hold-expired")
    assert_problem(await window.confirm(hold), 410, "hold-expired")


async def test_less_than_the_provider_takes_is_declined_and_the_hold_stays(window: Window) -> None:
    show = await window.stage(zone(ticketPrice=0.3))
    hold = await window.held(show.hold("1a"))

    assert_problem(await window.pay(hold), 402, "payment-declined", code="amount_too_small")
    assert (await window.found(hold)).json()["status"] == "HELD"

    await window.confirmed(await window.held(show.hold("1b", "1c")))


async def test_a_hold_that_is_given_up_is_not_paid_for(window: Window, show: Show, hold: Json) -> None:
    assert (await window.release(hold)).status_code == 204

    assert_problem(await window.pay(hold), 410, "hold-expired")
    assert_problem(await window.confirm(hold), 410, "hold-expired")
    await window.bought(show.seat())


async def test_a_hold_that_has_run_out_is_not_paid_for(window: Window, show: Show, hold: Json, ledger: Ledger) -> None:
    let_pass(ledger, show, HOLD_MS)

    assert_problem(await window.pay(hold), 410, "hold-expired")
    assert_problem(await window.confirm(hold), 410, "hold-expired")


async def test_a_hold_that_is_paid_for_is_neither_paid_again_nor_given_up(
    window: Window, hold: Json, ledger: Ledger
) -> None:
    await window.confirmed(hold)

    with left_alone(ledger, hold):
        assert_problem(await window.pay(hold), 409, "hold-paid")
        assert_problem(await window.release(hold), 409, "hold-paid")


async def test_a_hold_that_nobody_made_is_not_found(window: Window, ledger: Ledger) -> None:
    for partition in (0, 0xFFF):
        unheard_of = {"holdId": str(mint_id(partition))}
        with left_alone(ledger, unheard_of):
            assert_problem(await window.pay(unheard_of, key=unique("key")), 404, "hold-not-found")
            assert_problem(await window.confirm(unheard_of), 404, "hold-not-found")
            assert_problem(await window.release(unheard_of), 404, "hold-not-found")


async def test_giving_up_a_hold_cancels_the_payment_under_way(
    window: Window, show: Show, hold: Json, sandbox: Sandbox, ledger: Ledger
) -> None:
    await window.pay(hold)

    released = await window.release(hold)

    home = partition_of(show.event_id)
    assert released.status_code == 204
    assert released.headers["consistency-token"] == f"{home}:{ledger.last_position(home)}"
    assert payment_of(sandbox, hold)["status"] == "canceled"
    assert len(told_of_seats(ledger, show, HoldReleased)) == 1
    assert (await window.release(hold)).status_code == 204
    await window.bought(show.seat())


async def test_money_that_came_for_a_hold_that_is_given_up_is_refunded_once(
    window: Window, show: Show, hold: Json, sandbox: Sandbox
) -> None:
    await window.pay(hold, "pm_sandbox_automatic")

    assert (await window.release(hold)).status_code == 204
    assert (await window.release(hold)).status_code == 204

    payment = payment_of(sandbox, hold)
    assert (payment["captured"], payment["refunded"], payment["refunds"]) == (5_000, 5_000, 1)
    await window.bought(show.seat())


async def test_the_payment_under_way_is_told_to_whoever_begins_it_again(
    window: Window, hold: Json, sandbox: Sandbox
) -> None:
    first = await window.pay(hold)

    again = await window.pay(hold)
    another_card = await window.pay(hold, "pm_card_mastercard")

    assert again.json() == another_card.json() == first.json()
    assert payment_of(sandbox, hold)["id"] == first.json()["paymentId"]


async def test_another_method_replaces_a_payment_that_waits_for_its_customer(
    window: Window, hold: Json, sandbox: Sandbox
) -> None:
    first = (await window.pay(hold, "pm_card_authenticationRequired")).json()

    second = await window.pay(hold, "pm_card_visa")

    assert second.json()["paymentId"] != first["paymentId"]
    assert sandbox.entry(first["paymentId"])["status"] == "canceled"
    assert (await window.confirm(hold)).status_code == 201


async def test_a_payment_that_is_repeated_with_its_key_is_answered_again(
    window: Window, hold: Json, ledger: Ledger
) -> None:
    key = unique("key")
    first = await window.pay(hold, key=key)
    assert (await window.confirm(hold)).status_code == 201

    with left_alone(ledger, hold):
        again = await window.pay(hold, key=key)

    assert (again.status_code, again.content) == (201, first.content)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"


async def test_a_key_that_comes_with_another_body_is_refused(window: Window, hold: Json, ledger: Ledger) -> None:
    key = unique("key")
    await window.pay(hold, key=key)

    with left_alone(ledger, hold):
        assert_problem(await window.pay(hold, "pm_card_amex", key=key), 422, "idempotency-key-reused")


async def test_a_key_that_comes_with_another_body_while_the_first_is_undecided_asks_the_provider_for_nothing(
    window: Window, hold: Json, sandbox: Sandbox, ledger: Ledger
) -> None:
    key = unique("key")
    assert_problem(await window.pay(hold, "pm_sandbox_answer_lost", key=key), 504, "outcome-unknown")

    with left_alone(ledger, hold):
        assert_problem(await window.pay(hold, "pm_card_amex", key=key), 422, "idempotency-key-reused")

    assert (await window.pay(hold, "pm_sandbox_answer_lost", key=key)).status_code == 201
    assert payments_of(sandbox, hold) == ["requires_capture"]


@pytest.mark.parametrize("other", ["pm_card_amex", None], ids=str)
@pytest.mark.parametrize("method", ["pm_card_visa", "pm_card_authenticationRequired"])
async def test_a_key_that_comes_with_two_bodies_at_once_begins_one_payment(
    window: Window, hold: Json, sandbox: Sandbox, method: str, other: str | None
) -> None:
    key = unique("key")

    answers = await asyncio.gather(*(window.pay(hold, wanted, key=key) for wanted in [method, other] * 3))

    assert Counter(answer.status_code for answer in answers) == {201: 3, 422: 3}
    [told] = {answer.content for answer in answers if answer.status_code == 201}
    assert payment_of(sandbox, hold)["id"] == json.loads(told)["paymentId"]
    assert len(payments_of(sandbox, hold)) == 1
    assert payments_of(sandbox, hold) != ["canceled"]


async def test_a_decline_is_not_remembered(window: Window, hold: Json) -> None:
    key = unique("key")
    assert_problem(await window.pay(hold, "pm_card_visa_chargeDeclined", key=key), 402, "payment-declined")

    assert (await window.pay(hold, "pm_card_visa", key=key)).status_code == 201


@pytest.mark.parametrize("method", ["pm_card_visa", None], ids=str)
async def test_many_that_begin_a_payment_at_once_with_one_key_are_told_the_same(
    window: Window, hold: Json, sandbox: Sandbox, method: str | None
) -> None:
    key = unique("key")

    answers = await asyncio.gather(*(window.pay(hold, method, key=key) for _ in range(5)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert payment_of(sandbox, hold)["metadata"]["attempt"] == "1"


async def test_while_the_provider_is_away_the_hold_stays_and_nothing_is_bought(
    window: Window, hold: Json, sandbox: Sandbox
) -> None:
    with sandbox.misbehaving("busy"):
        assert_problem(await window.pay(hold), 503, "payment-unavailable")
        assert (await window.found(hold)).json()["status"] == "HELD"

    await window.confirmed(hold)
    assert payment_of(sandbox, hold)["metadata"]["attempt"] == "2"


async def test_a_payment_whose_answer_is_lost_is_found_by_repeating_the_call(
    window: Window, hold: Json, sandbox: Sandbox
) -> None:
    key = unique("key")
    unknown = await window.pay(hold, "pm_sandbox_answer_lost", key=key)
    assert_problem(unknown, 504, "outcome-unknown")

    known = await window.pay(hold, "pm_sandbox_answer_lost", key=key)

    assert known.status_code == 201
    assert payment_of(sandbox, hold)["id"] == known.json()["paymentId"]
    unsure = await window.confirm(hold)
    assert (unsure.status_code, unsure.json()["status"]) == (202, "CONFIRMED")
    assert (await window.confirm(hold)).status_code == 201


async def test_whoever_authorised_and_left_gets_the_seats(
    window: Window, show: Show, hold: Json, sandbox: Sandbox, ledger: Ledger
) -> None:
    await window.pay(hold)
    let_pass(ledger, show, HOLD_MS)

    await until(lambda: state_of(ledger, hold) == b"CONFIRMED" and payment_of(sandbox, hold)["captured"])

    assert (await window.confirm(hold)).status_code == 201


async def test_a_payment_that_is_never_decided_ends_with_its_time(
    window: Window, show: Show, hold: Json, sandbox: Sandbox, ledger: Ledger
) -> None:
    await window.pay(hold, "pm_card_authenticationRequired")
    let_pass(ledger, show, PAYMENT_MS)

    await until(lambda: state_of(ledger, hold) == b"EXPIRED")

    assert payment_of(sandbox, hold)["status"] == "canceled"
    await window.bought(show.seat())


async def test_seats_are_not_free_before_their_payment_is_known_to_be_cancelled(
    window: Window, show: Show, hold: Json, sandbox: Sandbox, ledger: Ledger
) -> None:
    await window.pay(hold)
    with sandbox.misbehaving("busy"):
        assert_problem(await window.release(hold), 503, "payment-unavailable")
        assert_problem(await window.buy(show.seat()), 409, "seat-taken")
        assert_problem(await window.confirm(hold), 410, "hold-expired")
    let_pass(ledger, show, HOLD_MS)

    await until(lambda: state_of(ledger, hold) == b"RELEASED")

    assert payment_of(sandbox, hold)["status"] == "canceled"
    await window.bought(show.seat())


async def test_a_provider_that_does_not_answer_keeps_nobody_else_waiting(
    window: Window, show: Show, hold: Json, sandbox: Sandbox
) -> None:
    others = [await window.held(show.hold(f"{row}c")) for row in (2, 3, 4)]
    sandbox.process.pause()
    try:
        paying = [asyncio.create_task(window.pay(held)) for held in [hold, *others]]
        for column in "defgh":
            await window.bought(show.seat("5", column))
        assert not any(task.done() for task in paying)
    finally:
        sandbox.process.resume()
    assert {answer.status_code for answer in await asyncio.gather(*paying)} == {201}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"paymentMethod": 1}, "paymentMethod"),
        ({"paymentMethod": ""}, "paymentMethod"),
        ({"paymentMethod": "a b"}, "paymentMethod"),
        ({"paymentMethod": "pm_card_visa\n"}, "paymentMethod"),
        ({"method": "pm_card_visa"}, "method"),
        ([], "$"),
    ],
    ids=str,
)
async def test_a_payment_that_is_not_understood_begins_nothing(
    window: Window, hold: Json, ledger: Ledger, body: Any, field: str
) -> None:
    with left_alone(ledger, hold):
        answer = await window.http.post(f"/api/v1/holds/{hold['holdId']}/payment", json=body)

    assert_problem(answer, 400, "invalid-request", field=field)


@pytest.mark.parametrize("call", ["payment", "confirm"])
async def test_a_body_is_optional_and_must_be_json(window: Window, hold: Json, call: str) -> None:
    path = f"/api/v1/holds/{hold['holdId']}/{call}"
    assert_problem(
        await window.http.post(path, content="{}", headers={"Content-Type": "text/plain"}),
        415,
        "unsupported-media-type",
    )
    assert_problem(await window.http.post(path, json={"quantity": 1}), 400, "invalid-request", field="quantity")
    answers: list[httpx.Response] = [await window.http.post(path), await window.http.post(path, json={})]
    assert {answer.status_code for answer in answers} == {201 if call == "payment" else 402}


@pytest.mark.parametrize("call", ["payment", "confirm"])
async def test_an_id_out_of_shape_is_an_invalid_request(window: Window, call: str) -> None:
    assert_problem(await window.http.post(f"/api/v1/holds/mine/{call}"), 400, "invalid-request", field="holdId")
