"""What only a person can settle is told to whoever asks on the command line, until they say that it is settled."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from purchase.attention import Attention, Matter

from tests.stage.builders import PARTITIONS
from tests.stage.processes.purchase import run
from tests.stage.sellers import Seller, prepare, selling

TICKET = UUID("01a20567-f5bc-7000-a36b-1f4945c788a8")
DISPUTE = Matter(kind="dispute", why="charge.dispute.created", payment_id="pi_1", amount_cents=4_000, currency="USD")
REFUSED = Matter(
    kind="refund-refused", why="undone: too late", payment_id="pi_2", ticket_id=TICKET, amount_cents=5, currency="USD"
)
REJECTION = Matter(kind="rejection", why="NotOurs: there is no such ticket")


@pytest.fixture
async def seller(redis_url: str) -> AsyncIterator[Seller]:
    await prepare(redis_url)
    async with selling(redis_url) as own:
        yield own


async def until_later(seller: Seller) -> None:
    """Until Redis's clock shows another millisecond: of the same one no matter is the older."""
    first = await seller.redis.time()
    while (now := await seller.redis.time())[0] == first[0] and now[1] // 1_000 == first[1] // 1_000:
        pass


async def test_what_waits_is_listed_the_oldest_first(seller: Seller, redis_url: str) -> None:
    for partition, matter in enumerate((DISPUTE, REFUSED, REJECTION)):
        await Attention(seller.partitions).ask_for(PARTITIONS - partition, matter)
        await until_later(seller)

    listed = run("purchase.matters", redis_url, "list")

    assert listed.returncode == 0
    lines = [line.split("  ")[2:] for line in listed.stdout.splitlines()]
    assert lines == [
        ["dispute", "payment pi_1", "ticket -", "40.00 USD", "charge.dispute.created"],
        ["refund-refused", "payment pi_2", f"ticket {TICKET}", "0.05 USD", "undone: too late"],
        ["rejection", "payment -", "ticket -", "-", "NotOurs: there is no such ticket"],
    ]


async def test_what_is_settled_is_listed_no_more(seller: Seller, redis_url: str) -> None:
    attention = Attention(seller.partitions)
    for matter in (DISPUTE, REFUSED):
        await attention.ask_for(1, matter)
    first, second = await attention.waiting()

    assert run("purchase.matters", redis_url, "done", first.id).returncode == 0

    assert await attention.waiting() == [second]
    again = run("purchase.matters", redis_url, "done", first.id)
    assert (again.returncode, again.stdout) == (1, "purchase: there is no such matter\n")


@pytest.mark.parametrize("wrong", ["1", "1:", "x:1-0", "4:0-0", "1:1-0-0", "-1:0-0"])
async def test_what_is_no_matter_is_said_to_be_none(seller: Seller, redis_url: str, wrong: str) -> None:  # noqa: ARG001
    assert run("purchase.matters", redis_url, "done", wrong).returncode in (1, 2)


def test_that_redis_is_away_is_said() -> None:
    away = run("purchase.matters", "redis://127.0.0.1:1/0", "list")

    assert (away.returncode, away.stdout) == (3, "purchase: Redis does not answer\n")
