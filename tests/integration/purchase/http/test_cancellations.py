"""Cancelling a ticket: who may, the answer, and that a later owner of the seat keeps it."""

import asyncio
import base64
import hashlib
import hmac
import uuid
from uuid import UUID

import pytest
from contracts.ticket import TicketCancelled

from tests.stage.builders import PARTITIONS
from tests.stage.http_client import ADMIN, Json, PurchaseClient, zone_body
from tests.stage.problems import assert_problem
from tests.stage.redis_state import RedisState, partition_of


def signed(ticket_id: str, key: str = "local-receipt-key") -> str:
    """Make a receipt by hand."""
    digest = hmac.new(key.encode(), ticket_id.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def cancelled(ticket: Json) -> Json:
    """Return the ticket as the answer to its cancellation has it."""
    return {name: value for name, value in {**ticket, "status": "CANCELLED"}.items() if name != "receipt"}


def minted_in(partition: int) -> str:
    """Make the id of a ticket of this partition that was never sold."""
    return f"0198c5d2-7a31-7{partition:03x}-8f4e-{uuid.uuid4().hex[:12]}"


async def test_the_holder_of_the_receipt_can_cancel(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale()
    ticket = await client.bought(event.seat("2", "b"))

    answer = await client.cancel(ticket)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == cancelled(ticket)
    message = redis_state.messages_about(ticket["ticketId"])[-1]
    assert isinstance(message, TicketCancelled)
    assert answer.headers["consistency-token"] == f"{message.partition}:{message.position}"
    assert (message.generation, message.data.price_cents, message.data.created_on) == (1, 2500, ticket["createdOn"])


async def test_an_admin_can_cancel_any_ticket(client: PurchaseClient) -> None:
    event = await client.put_on_sale()
    ticket = await client.bought(event.seat())

    answer = await client.cancel(ticket, **ADMIN)

    assert (answer.status_code, answer.json()) == (200, cancelled(ticket))


async def test_the_receipt_is_the_signed_ticket_id(client: PurchaseClient) -> None:
    event = await client.put_on_sale()

    ticket = await client.bought(event.seat())

    assert ticket["receipt"] == signed(ticket["ticketId"])


async def test_cancelling_is_idempotent(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale()
    ticket = await client.bought(event.seat())
    first = await client.cancel(ticket)
    await client.bought(event.seat("2"))

    with redis_state.unchanged():
        again = await client.cancel(ticket)

    home = partition_of(event.event_id)
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["consistency-token"] == f"{home}:{redis_state.last_position(home)}"


async def test_concurrent_cancellations_publish_one_message(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale()
    ticket = await client.bought(event.seat())

    answers = await asyncio.gather(*(client.cancel(ticket) for _ in range(10)))

    assert {answer.status_code for answer in answers} == {200}
    assert [type(message).__name__ for message in redis_state.messages_about(ticket["ticketId"])] == [
        "TicketPurchased",
        "TicketCancelled",
    ]


async def test_the_seat_is_free_again(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale()
    first = await client.bought(event.seat())
    await client.cancel(first)

    second = await client.bought(event.seat())

    assert second["ticketId"] != first["ticketId"]
    assert redis_state.messages_about(second["ticketId"])[0].generation == 2


async def test_a_later_owner_keeps_the_seat(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale()
    first = await client.bought(event.seat())
    await client.cancel(first)
    await client.bought(event.seat())

    with redis_state.unchanged():
        answer = await client.cancel(first)

    assert (answer.status_code, answer.json()) == (200, cancelled(first))
    assert_problem(await client.buy(event.seat()), 409, "seat-taken")


async def test_a_cancelled_seat_no_longer_counts_for_its_customer(client: PurchaseClient) -> None:
    event = await client.put_on_sale(maxSeatsPerCustomer=1)
    ticket = await client.bought(event.seat(customerId="Ada"))
    assert_problem(await client.buy(event.seat("2", customerId="Ada")), 409, "customer-limit")
    await client.cancel(ticket)
    await client.cancel(ticket)

    await client.bought(event.seat("2", customerId="Ada"))

    assert_problem(await client.buy(event.seat("3", customerId="Ada")), 409, "customer-limit")


async def test_a_cancelled_ticket_has_the_price_it_was_sold_for(client: PurchaseClient) -> None:
    event = await client.put_on_sale(zone_body(ticketPrice=25))
    ticket = await client.bought(event.seat())
    assert (await client.define(event.venue_id, zone_body(ticketPrice=99))).status_code == 200

    answer = await client.cancel(ticket)

    assert answer.json()["price"] == 25.0


async def test_a_ticket_is_found_by_its_id_in_upper_case(client: PurchaseClient) -> None:
    event = await client.put_on_sale()
    ticket = await client.bought(event.seat())

    answer = await client.cancel({**ticket, "ticketId": ticket["ticketId"].upper()})

    assert (answer.status_code, answer.json()) == (200, cancelled(ticket))


async def test_a_receipt_may_come_with_its_padding(client: PurchaseClient) -> None:
    event = await client.put_on_sale()
    ticket = await client.bought(event.seat())

    assert (await client.cancel(ticket, Receipt=ticket["receipt"] + "=")).status_code == 200


async def test_without_receipt_or_token_nothing_is_cancelled(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale()
    ticket = await client.bought(event.seat())

    with redis_state.unchanged():
        answer = await client.http.delete(f"/api/v1/tickets/{ticket['ticketId']}")

    assert_problem(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "headers",
    [
        {"Receipt": "wrong"},
        {"Receipt": ""},
        {"Receipt": signed("0198c5d2-7a31-7b2c-8f4e-000000000001")},
        {"Authorization": "Bearer wrong-token"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer local-admin-token-and-more"},
    ],
    ids=str,
)
async def test_with_a_wrong_receipt_or_token_nothing_is_cancelled(
    client: PurchaseClient, redis_state: RedisState, headers: dict[str, str]
) -> None:
    event = await client.put_on_sale()
    ticket = await client.bought(event.seat())

    with redis_state.unchanged():
        answer = await client.cancel(ticket, **headers)

    assert_problem(answer, 403, "forbidden")


@pytest.mark.parametrize("wrong", [{"Receipt": "wrong"}, {"Authorization": "Bearer wrong-token"}], ids=str)
async def test_one_valid_receipt_or_admin_token_suffices(client: PurchaseClient, wrong: dict[str, str]) -> None:
    event = await client.put_on_sale()
    ticket = await client.bought(event.seat())

    answer = await client.cancel(ticket, **{"Receipt": ticket["receipt"], **ADMIN, **wrong})

    assert (answer.status_code, answer.json()) == (200, cancelled(ticket))


async def test_a_receipt_that_is_not_ascii_is_a_wrong_one(client: PurchaseClient, redis_state: RedisState) -> None:
    event = await client.put_on_sale()
    ticket = await client.bought(event.seat())

    with redis_state.unchanged():
        answer = await client.http.delete(
            f"/api/v1/tickets/{ticket['ticketId']}", headers={b"Receipt": "é".encode("latin-1")}
        )

    assert_problem(answer, 403, "forbidden")


async def test_another_kind_of_authorization_is_not_authentication(client: PurchaseClient) -> None:
    event = await client.put_on_sale()
    ticket = await client.bought(event.seat())

    assert_problem(await client.cancel(ticket, Authorization="Basic bG9jYWw6YWRtaW4="), 401, "unauthorized")


@pytest.mark.parametrize(
    "ticket_id",
    [
        minted_in(0),
        minted_in(PARTITIONS - 1),
        minted_in(PARTITIONS),
        minted_in(0xFFF),
        str(uuid.uuid4()),
        str(UUID(int=0)),
    ],
    ids=["ours", "last partition", "next partition", "highest partition", "not ours", "nil"],
)
async def test_a_ticket_that_was_never_sold_is_not_found(
    client: PurchaseClient, redis_state: RedisState, ticket_id: str
) -> None:
    with redis_state.unchanged():
        by_admin = await client.cancel({"ticketId": ticket_id}, **ADMIN)
        by_receipt = await client.cancel({"ticketId": ticket_id}, Receipt=signed(ticket_id))

    assert_problem(by_admin, 404, "ticket-not-found", ticketId=ticket_id)
    assert_problem(by_receipt, 404, "ticket-not-found", ticketId=ticket_id)


async def test_a_wrong_receipt_does_not_reveal_whether_a_ticket_exists(client: PurchaseClient) -> None:
    event = await client.put_on_sale()
    ticket = await client.bought(event.seat())

    answers = [await client.cancel({"ticketId": name}, Receipt="wrong") for name in (ticket["ticketId"], minted_in(1))]

    assert [answer.status_code for answer in answers] == [403, 403]


@pytest.mark.parametrize("ticket_id", ["1", "not-a-uuid", "0198c5d27a317b2c8f4e000000000001", "%C3%A9", "a%20b"])
async def test_a_malformed_id_is_an_invalid_request(client: PurchaseClient, ticket_id: str) -> None:
    answer = await client.http.delete(f"/api/v1/tickets/{ticket_id}", headers=ADMIN)

    assert_problem(answer, 400, "invalid-request", field="ticketId")
