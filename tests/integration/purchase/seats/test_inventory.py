"""Orders of one moment share a call; each has its own answer. A ticket is readable for ever."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from purchase.seats.inventory import Order, Outcome, Replayed, Sold
from purchase.store import keys
from purchase.store.connection import Overloaded
from purchase.store.ids import mint_id
from redis import Redis

from tests.stage.builders import PARTITIONS, cancelled, idempotency_key, order, zone
from tests.stage.partition_state import Stored, read
from tests.stage.sellers import Seller, prepare, selling

PARTITION = keys.partition_of("Gala", PARTITIONS)
NEIGHBOUR = "Circus"
"""An event in the same partition."""

ELSEWHERE = "Encore"
"""An event in another."""

WAITING_MAX = 4_096

LARGE = zone(row_count=10, col_count=30)


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    with Redis.from_url(redis_url) as own:
        yield own


@pytest.fixture
async def seller(redis_url: str) -> AsyncIterator[Seller]:
    """A process, with three events of 300 seats each on sale."""
    await prepare(redis_url)
    async with selling(redis_url) as own:
        await own.put_on_sale("Gala", NEIGHBOUR, ELSEWHERE, zones=(LARGE,))
        yield own


async def sell(seller: Seller, *orders: Order) -> list[Outcome]:
    """Submit these at the same moment."""
    return await asyncio.gather(*(seller.inventory.sell(wanted) for wanted in orders))


def seats(count: int, **fields: Any) -> list[Order]:
    """Return orders for the first seats of the zone."""
    places = itertools.product(range(1, LARGE.row_count + 1), range(1, LARGE.col_count + 1))
    return [order(row=row, column=column, **fields) for row, column in itertools.islice(places, count)]


def scripts_run(client: Any) -> int:
    """Return how many scripts Redis has run since its statistics were reset."""
    calls: int = client.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"]
    return calls


def stored(client: Any) -> Stored:
    return read(client, PARTITION)


async def test_orders_of_one_moment_share_a_call(seller: Seller, client: Any) -> None:
    await sell(seller, order(row=10, column=30))
    client.config_resetstat()

    outcomes = await sell(seller, *seats(128))

    assert scripts_run(client) == 1
    assert all(isinstance(outcome, Sold) for outcome in outcomes)
    assert [message.position for message in stored(client).messages[-128:]] == [
        outcome.position for outcome in outcomes if isinstance(outcome, Sold)
    ]


async def test_a_call_carries_at_most_128_orders(seller: Seller, client: Any) -> None:
    await sell(seller, order(row=10, column=30))
    client.config_resetstat()

    await sell(seller, *seats(257))

    assert scripts_run(client) == 3


async def test_orders_for_different_events_of_a_partition_share_a_call(seller: Seller, client: Any) -> None:
    await sell(seller, order(row=10, column=30))
    client.config_resetstat()

    outcomes = await sell(seller, order(), order(event_id=NEIGHBOUR), order(column=2))

    assert scripts_run(client) == 1
    assert all(isinstance(outcome, Sold) for outcome in outcomes)


async def test_orders_for_events_of_different_partitions_do_not(seller: Seller, client: Any) -> None:
    await sell(seller, order(row=10, column=30), order(event_id=ELSEWHERE, row=10, column=30))
    client.config_resetstat()

    await sell(seller, order(), order(event_id=ELSEWHERE))

    assert scripts_run(client) == 2


async def test_of_two_orders_for_a_seat_in_one_call_the_first_gets_it(seller: Seller, client: Any) -> None:
    first, second = order(), order()

    won, lost = await sell(seller, first, second)

    assert isinstance(won, Sold)
    assert lost == "TAKEN"
    assert list(stored(client).tickets) == [first.ticket.ticket_id]


async def test_an_order_that_is_refused_spoils_no_other_of_its_call(seller: Seller) -> None:
    outcomes = await sell(seller, order(version=7), order(column=1), order(column=1), order(column=2))

    assert [type(outcome) for outcome in outcomes] == [str, Sold, str, Sold]


async def test_a_key_used_twice_in_one_call_buys_once(seller: Seller, client: Any) -> None:
    first, second = (order(column=column, key=idempotency_key("a key")) for column in (1, 2))

    outcomes = await sell(seller, first, second)

    last = stored(client).messages[-1].position
    assert outcomes == [Sold(last), Replayed(first.ticket, last)]


async def test_a_customer_who_orders_more_in_one_call_than_allowed_gets_what_is_allowed(seller: Seller) -> None:
    wanted = [order(column=column, customer_id="ada", limit=2) for column in (1, 2, 3)]

    outcomes = await sell(seller, *wanted)

    assert [type(outcome) for outcome in outcomes[:2]] == [Sold, Sold]
    assert outcomes[2] == "LIMIT"


async def test_orders_beyond_the_queue_are_refused_at_once_and_the_others_are_sold(seller: Seller) -> None:
    outcomes = await asyncio.gather(
        *(seller.inventory.sell(order()) for _ in range(WAITING_MAX + 10)), return_exceptions=True
    )

    assert [type(outcome) for outcome in outcomes] == [Sold] + [str] * (WAITING_MAX - 1) + [Overloaded] * 10


async def test_two_processes_that_want_the_same_seats_sell_each_once(seller: Seller, client: Any) -> None:
    async with selling(client_url(client)) as another:
        outcomes = await asyncio.gather(sell(seller, *seats(300)), sell(another, *seats(300)))

    outcome_counts = Counter(outcome if isinstance(outcome, str) else "SOLD" for outcome in itertools.chain(*outcomes))
    assert outcome_counts["SOLD"] == 300
    assert outcome_counts["SOLD"] + outcome_counts["TAKEN"] + outcome_counts["EVENT_FULL"] == 600
    state = stored(client)
    assert {seat.owner for seat in state.seats.values()} == set(state.tickets)
    assert len(state.seats) == len(state.tickets) == 300


async def test_a_ticket_that_many_cancel_at_once_is_cancelled_once(seller: Seller, client: Any) -> None:
    wanted = order()
    await sell(seller, wanted)
    before = len(stored(client).messages)

    await asyncio.gather(*(seller.inventory.cancel(wanted.ticket, cancelled(wanted.ticket)) for _ in range(20)))

    assert len(stored(client).messages) == before + 1
    assert stored(client).sold == {("Gala", "1"): 0, ("Gala", "all"): 0}


async def test_a_seat_sold_again_has_the_next_generation(seller: Seller, client: Any) -> None:
    for generation in (1, 2, 3):
        wanted = order()
        await sell(seller, wanted)
        assert stored(client).messages[-1].generation == generation
        await seller.inventory.cancel(wanted.ticket, cancelled(wanted.ticket))
        assert stored(client).messages[-1].generation == generation


async def test_cancelling_an_old_ticket_again_leaves_the_seat_to_its_later_owner(seller: Seller, client: Any) -> None:
    former, later = order(), order()
    await sell(seller, former)
    await seller.inventory.cancel(former.ticket, cancelled(former.ticket))
    await sell(seller, later)
    before = stored(client)

    await seller.inventory.cancel(former.ticket, cancelled(former.ticket))

    assert stored(client) == before
    assert before.seats["Gala", 1, 1, 1].owner == later.ticket.ticket_id


async def test_a_ticket_is_found_by_its_id_even_after_it_was_cancelled(seller: Seller) -> None:
    wanted = order(customer_id="ada")
    await sell(seller, wanted)
    assert await seller.inventory.ticket(wanted.ticket.ticket_id) == wanted.ticket

    await seller.inventory.cancel(wanted.ticket, cancelled(wanted.ticket))
    assert await seller.inventory.ticket(wanted.ticket.ticket_id) == wanted.ticket


@pytest.mark.parametrize(
    "ticket_id",
    [mint_id(PARTITION), mint_id(PARTITIONS), mint_id(4_095), uuid4(), UUID(int=0)],
    ids=["minted here", "of a partition too many", "of the last partition there can be", "of another kind", "nil"],
)
async def test_a_ticket_that_was_never_sold_is_not_found(seller: Seller, ticket_id: UUID) -> None:
    assert await seller.inventory.ticket(ticket_id) is None


async def test_a_key_is_remembered_for_a_day(seller: Seller, client: Any) -> None:
    await sell(seller, order(key=idempotency_key("a key")))

    seconds = client.ttl(keys.idempotency(PARTITION, "a key"))
    assert 24 * 60 * 60 - 60 < seconds <= 24 * 60 * 60


def client_url(client: Any) -> str:
    place = client.connection_pool.connection_kwargs
    return f"redis://{place['host']}:{place['port']}/0"
