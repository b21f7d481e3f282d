"""The command line lists cases that need a person until they are marked done."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from purchase.cases.ledger import Case, Cases

from tests.stage.builders import PARTITIONS
from tests.stage.processes.purchase import run
from tests.stage.sellers import Seller, prepare, selling

pytestmark = pytest.mark.starts_processes

TICKET = UUID("01a20567-f5bc-7000-a36b-1f4945c788a8")
DISPUTE = Case(kind="dispute", why="charge.dispute.created", payment_id="pi_1", amount_cents=4_000, currency="USD")
REFUSED = Case(
    kind="refund-refused", why="undone: too late", payment_id="pi_2", ticket_id=TICKET, amount_cents=5, currency="USD"
)
REJECTION = Case(kind="rejection", why="NotOurs: there is no such ticket")


@pytest.fixture
async def seller(redis_url: str) -> AsyncIterator[Seller]:
    await prepare(redis_url)
    async with selling(redis_url) as own:
        yield own


async def until_later(seller: Seller) -> None:
    """Wait for the next millisecond of Redis's clock: two cases of the same one have no order."""
    first = await seller.redis.time()
    while (now := await seller.redis.time())[0] == first[0] and now[1] // 1_000 == first[1] // 1_000:
        pass


async def test_open_cases_are_listed_the_oldest_first(seller: Seller, redis_url: str) -> None:
    for partition, case in enumerate((DISPUTE, REFUSED, REJECTION)):
        await Cases(seller.partitions).open(PARTITIONS - partition, case)
        await until_later(seller)

    listed = run("purchase.cases", redis_url, "list")

    assert listed.returncode == 0
    lines = [line.split("  ")[2:] for line in listed.stdout.splitlines()]
    assert lines == [
        ["dispute", "payment pi_1", "ticket -", "40.00 USD", "charge.dispute.created"],
        ["refund-refused", "payment pi_2", f"ticket {TICKET}", "0.05 USD", "undone: too late"],
        ["rejection", "payment -", "ticket -", "-", "NotOurs: there is no such ticket"],
    ]


async def test_a_case_that_is_done_is_no_longer_listed(seller: Seller, redis_url: str) -> None:
    cases = Cases(seller.partitions)
    for case in (DISPUTE, REFUSED):
        await cases.open(1, case)
    first, second = await cases.list_open()

    assert run("purchase.cases", redis_url, "done", first.id).returncode == 0

    assert await cases.list_open() == [second]
    again = run("purchase.cases", redis_url, "done", first.id)
    assert (again.returncode, again.stdout) == (1, "purchase: there is no such case\n")


@pytest.mark.parametrize("wrong", ["1", "1:", "x:1-0", "4:0-0", "1:1-0-0", "-1:0-0"])
async def test_an_id_of_no_case_is_refused(seller: Seller, redis_url: str, wrong: str) -> None:  # noqa: ARG001
    assert run("purchase.cases", redis_url, "done", wrong).returncode in (1, 2)


def test_an_unavailable_redis_is_reported() -> None:
    unavailable = run("purchase.cases", "redis://127.0.0.1:1/0", "list")

    assert (unavailable.returncode, unavailable.stdout) == (3, "purchase: Redis does not answer\n")
