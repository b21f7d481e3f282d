"""A ticket that the write model refused is cancelled; its seat goes to the write model's owner."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID

import pytest
from contracts.codec import decode
from contracts.ticket import TicketCancelled
from purchase.holds.ledger import Made
from purchase.seats.inventory import Order, Sold
from purchase.store import keys
from purchase.store.ids import mint_id
from redis import Redis

from tests.stage.builders import PARTITIONS, cancelled, held_seat, new_hold, order
from tests.stage.partition_state import Stored, read
from tests.stage.sellers import Seller, prepare, selling

PARTITION = keys.partition_of("Gala", PARTITIONS)
SEAT = ("Gala", 1, 1, 1)
OF_THE_ZONE, OF_THE_EVENT = ("Gala", "1"), ("Gala", "all")


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    with Redis.from_url(redis_url) as own:
        yield own


@pytest.fixture
async def seller(redis_url: str) -> AsyncIterator[Seller]:
    """A process, with an event on sale."""
    await prepare(redis_url)
    async with selling(redis_url) as own:
        await own.put_on_sale("Gala")
        yield own


async def sold(seller: Seller, **fields: Any) -> Order:
    """Sell an order, which must succeed."""
    wanted = order(**fields)
    assert isinstance(await seller.inventory.sell(wanted), Sold)
    return wanted


async def reject(seller: Seller, refused: Order, owner_id: UUID | None) -> bool:
    """Reject a ticket; return whether this call cancelled it."""
    return (await seller.inventory.reject(refused.ticket, cancelled(refused.ticket), owner_id)).is_new


def stored(client: Any) -> Stored:
    return read(client, PARTITION)


async def test_a_seat_without_an_owner_is_free_again(seller: Seller, client: Any) -> None:
    refused = await sold(seller, customer_id="ada")

    assert await reject(seller, refused, None)

    after = stored(client)
    assert after.seats[SEAT].owner is None
    assert after.tickets[refused.ticket.ticket_id].is_cancelled
    assert (after.sold[OF_THE_ZONE], after.sold[OF_THE_EVENT], after.customers) == (0, 0, {})
    message = decode(after.messages[-1].message)
    assert isinstance(message, TicketCancelled)
    assert (message.data.ticket_id, after.messages[-1].generation) == (refused.ticket.ticket_id, 1)


async def test_a_seat_goes_to_its_owner_even_if_redis_has_lost_the_ticket(seller: Seller, client: Any) -> None:
    refused, owner_id = await sold(seller, customer_id="ada"), mint_id(PARTITION)

    await reject(seller, refused, owner_id)

    after = stored(client)
    assert (after.seats[SEAT].owner, after.seats[SEAT].generation) == (owner_id, 1)
    assert (after.sold[OF_THE_ZONE], after.sold[OF_THE_EVENT], after.customers) == (1, 1, {})
    assert await seller.inventory.sell(order()) == "TAKEN"


async def test_a_second_rejection_changes_nothing(seller: Seller, client: Any) -> None:
    refused, owner_id = await sold(seller), mint_id(PARTITION)
    await reject(seller, refused, owner_id)
    before = stored(client)

    again = await asyncio.gather(*(reject(seller, refused, owner_id) for _ in range(10)))

    assert again == [False] * 10
    assert stored(client) == before


async def test_the_seat_of_a_cancelled_ticket_goes_to_its_owner(seller: Seller, client: Any) -> None:
    """Otherwise it would be sold again, although it has an owner."""
    refused, owner_id = await sold(seller), mint_id(PARTITION)
    await seller.inventory.cancel(refused.ticket, cancelled(refused.ticket))
    messages = stored(client).messages

    assert not await reject(seller, refused, owner_id)

    after = stored(client)
    assert after.messages == messages
    assert (after.seats[SEAT].owner, after.sold[OF_THE_ZONE], after.sold[OF_THE_EVENT]) == (owner_id, 1, 1)


async def test_a_seat_held_in_the_meantime_goes_to_its_owner(seller: Seller) -> None:
    refused, owner_id = await sold(seller), mint_id(PARTITION)
    await seller.inventory.cancel(refused.ticket, cancelled(refused.ticket))
    held = await seller.holds.hold(new_hold(held_seat()))
    assert isinstance(held, Made)

    await reject(seller, refused, owner_id)
    await seller.holds.end(held.hold, is_given_up=True)

    assert await seller.inventory.sell(order()) == "TAKEN"


async def test_an_owner_whose_ticket_is_cancelled_does_not_get_the_seat_back(seller: Seller, client: Any) -> None:
    former = await sold(seller, row=2)
    await seller.inventory.cancel(former.ticket, cancelled(former.ticket))
    refused = await sold(seller)

    await reject(seller, refused, former.ticket.ticket_id)

    after = stored(client)
    assert (after.seats[SEAT].owner, after.sold[OF_THE_EVENT]) == (None, 0)


@pytest.mark.parametrize("is_owned", [True, False])
async def test_a_later_sale_of_the_seat_is_unaffected(seller: Seller, client: Any, is_owned: bool) -> None:
    refused = await sold(seller)
    await seller.inventory.cancel(refused.ticket, cancelled(refused.ticket))
    later = await sold(seller)
    before = stored(client)

    await reject(seller, refused, mint_id(PARTITION) if is_owned else None)

    assert stored(client) == before
    assert before.seats[SEAT].owner == later.ticket.ticket_id


@pytest.mark.parametrize(("paid", "is_due"), [({"payment_id": "pi_1"}, True), ({}, False)])
async def test_a_refund_is_due_at_once_if_the_ticket_was_paid(
    seller: Seller, client: Any, paid: dict[str, str], is_due: bool
) -> None:
    refused = await sold(seller, **paid)

    await reject(seller, refused, None)
    await reject(seller, refused, None)

    owed = [b"R" + refused.ticket.ticket_id.bytes] if is_due else []
    assert client.zrange(keys.due(PARTITION), "-inf", client.time()[0] * 1_000 + 1_000, byscore=True) == owed
