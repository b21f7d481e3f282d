"""An undone purchase is refunded once, whatever the provider does, whoever dies, and however often it is undone."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from itertools import count
from typing import Any

import pytest
from contracts.payment import PaymentRefunded
from purchase.holds.hold import reference_of
from purchase.payments.cashier import Confirmed
from purchase.seats.ticket import Ticket
from purchase.store.connection import connect
from redis import Redis

from tests.stage.builders import order
from tests.stage.crashes import Killed
from tests.stage.payment_scenario import EXPECTED, Stage
from tests.stage.redis_state import Ledger
from tests.stage.sandboxes import Sandbox
from tests.stage.sellers import prepare, selling
from tests.stage.stores import isolation


@pytest.fixture(scope="module")
def redis_url(redis_server: str) -> Iterator[str]:
    """A Redis that is this file's."""
    with isolation.empty_redis(redis_server) as url:
        yield url


@pytest.fixture(scope="module")
def ledger(redis_url: str) -> Iterator[Ledger]:
    """What it keeps."""
    with Redis.from_url(redis_url) as redis:
        yield Ledger(redis)


@pytest.fixture(scope="module")
def everything(redis_url: str, ledger: Ledger) -> dict[bytes, bytes]:
    """A Redis with an event that is on sale, and nothing else."""

    async def put_on_sale() -> None:
        await prepare(redis_url)
        async with selling(redis_url) as seller:
            await seller.put_on_sale("Gala")

    asyncio.run(put_on_sale())
    return ledger.everything()


@pytest.fixture
def begin(everything: dict[bytes, bytes], ledger: Ledger, sandbox: Sandbox) -> Callable[[], None]:
    """Makes Redis hold that, and the provider well."""

    def begin() -> None:
        ledger.restore(everything)
        sandbox.misbehave(None)

    begin()
    return begin


@pytest.fixture
async def stage(redis_url: str, ledger: Ledger, sandbox: Sandbox) -> AsyncIterator[Stage]:
    client = connect(redis_url)
    stage = Stage(client, ledger.redis, sandbox)
    yield stage
    await stage.leave()
    await client.aclose()


async def buy(stage: Stage, method: str = "pm_card_visa") -> list[Ticket]:
    """Two tickets that were paid for, at 25.00 and 15.00."""
    hold, process = await stage.hold(), stage.process()
    assert hold is not None
    await process.cashier.pay(hold.hold_id, method, None)
    confirmed = await process.cashier.confirm(hold.hold_id)
    assert isinstance(confirmed, Confirmed)
    return confirmed.tickets


def refunds_told(stage: Stage) -> list[Any]:
    return [message.data for message in stage.books().told if isinstance(message, PaymentRefunded)]


def given_back(stage: Stage) -> tuple[int, int]:
    """How much of the payment, and in how many parts."""
    [entry] = stage.payments()
    return entry["refunded"], entry["refunds"]


def is_anything_due(stage: Stage) -> bool:
    return bool(stage.books().stored.due)


@pytest.mark.usefixtures("begin")
async def test_undoing_a_purchase_gives_its_money_back_and_tells_it(stage: Stage) -> None:
    first, second = await buy(stage)

    await stage.process().box_office.cancel(first.ticket_id)

    assert given_back(stage) == (2_500, 1)
    [told] = refunds_told(stage)
    [hold] = stage.books().holds
    assert (told.payment, told.provider, told.ticket_id) == (first.payment_id, "sandbox", first.ticket_id)
    assert (told.hold, told.event_id) == (reference_of(hold.hold_id), "Gala")
    assert (told.amount_cents, told.currency) == (2_500, "USD")
    stage.books().assert_agree()

    await stage.process().box_office.cancel(second.ticket_id)

    assert given_back(stage) == (4_000, 2)


@pytest.mark.usefixtures("begin")
async def test_undone_by_many_at_once_it_is_refunded_once(stage: Stage) -> None:
    first, _ = await buy(stage)

    await asyncio.gather(*(stage.process().box_office.cancel(first.ticket_id) for _ in range(10)))
    await stage.finish_all()

    assert given_back(stage) == (2_500, 1)
    assert len(refunds_told(stage)) == 1
    stage.books().assert_agree()


@pytest.mark.usefixtures("begin")
async def test_a_ticket_that_nobody_paid_for_is_undone_without_a_refund(stage: Stage) -> None:
    process = stage.process()
    direct = order(row=2)
    await process.inventory.sell(direct)

    await process.box_office.cancel(direct.ticket.ticket_id)

    assert not is_anything_due(stage)
    assert refunds_told(stage) == []


@pytest.mark.usefixtures("begin")
@pytest.mark.parametrize("mode", ["unavailable", "busy"])
async def test_while_the_provider_is_away_a_purchase_is_undone_and_refunded_later(
    stage: Stage, sandbox: Sandbox, mode: str
) -> None:
    first, _ = await buy(stage)
    sandbox.misbehave(mode)

    await stage.process().box_office.cancel(first.ticket_id)

    assert given_back(stage) == (0, 0)
    assert stage.books().stored.tickets[first.ticket_id].is_cancelled
    assert is_anything_due(stage)
    sandbox.misbehave(None)
    await stage.finish_all()
    assert given_back(stage) == (2_500, 1)
    stage.books().assert_agree()


@pytest.mark.usefixtures("begin")
async def test_a_refund_that_many_settle_at_once_is_told_once(stage: Stage, sandbox: Sandbox) -> None:
    first, _ = await buy(stage)
    sandbox.misbehave("unavailable")
    await stage.process().box_office.cancel(first.ticket_id)
    sandbox.misbehave(None)

    await asyncio.gather(
        *(stage.process().refunds.give_refund(first.ticket_id) for _ in range(5)), return_exceptions=True
    )

    await stage.finish_all()
    assert given_back(stage) == (2_500, 1)
    stage.books().assert_agree()


@pytest.mark.usefixtures("begin")
async def test_a_refund_whose_answer_was_lost_is_given_once(stage: Stage, sandbox: Sandbox) -> None:
    first, _ = await buy(stage)
    sandbox.misbehave("lost")
    process = stage.process()

    await process.box_office.cancel(first.ticket_id)

    sandbox.misbehave(None)
    await stage.finish_all()
    assert given_back(stage) == (2_500, 1)
    stage.books().assert_agree()


@pytest.mark.parametrize("who", ["nobody", "the customer"])
@pytest.mark.parametrize("method", ["pm_card_visa", "pm_sandbox_answer_lost"])
async def test_whatever_a_process_leaves_behind_is_refunded_once(
    begin: Callable[[], None], stage: Stage, method: str, who: str
) -> None:
    """Killed before its first, its second, … step. Then nobody comes back, or the customer undoes it once more."""
    for commands_max in count():
        begin()
        first, _ = await buy_in_the_end(stage, method)
        was_killed = await is_killed_undoing(stage, first, commands_max)
        if who == "the customer":
            await stage.process().box_office.cancel(first.ticket_id)
        await stage.finish_all()

        books = stage.books()
        books.assert_agree()
        was_undone = books.stored.tickets[first.ticket_id].is_cancelled
        assert given_back(stage) == ((2_500, 1) if was_undone else (0, 0))
        if not was_killed:
            return


async def buy_in_the_end(stage: Stage, method: str) -> list[Ticket]:
    """As `buy`, where answers get lost on the way."""
    hold = await stage.hold()
    assert hold is not None
    with suppress(*EXPECTED):
        await stage.process().cashier.pay(hold.hold_id, method, None)
    await stage.finish_all()
    confirmed = await stage.process().cashier.confirm(hold.hold_id)
    assert isinstance(confirmed, Confirmed)
    return confirmed.tickets


async def is_killed_undoing(stage: Stage, ticket: Ticket, commands_max: int) -> bool:
    try:
        await stage.process(commands_max=commands_max).box_office.cancel(ticket.ticket_id)
    except Killed:
        return True
    return False


@pytest.mark.parametrize(
    ("method", "captured", "refunded"), [("pm_card_visa", 4_000, 2_500), ("pm_sandbox_capture_refused", 0, 0)]
)
async def test_a_ticket_whose_money_was_not_taken_yet_is_refunded_once_it_is(
    begin: Callable[[], None], stage: Stage, method: str, captured: int, refunded: int
) -> None:
    """Sold, and then the provider was away; where it refuses the money at last, nothing is owed."""
    begin()
    first = await sell_without_capture(stage, method)

    await stage.process().box_office.cancel(first.ticket_id)
    await stage.finish_all()

    [entry] = stage.payments()
    assert (entry["authorised"], entry["captured"], entry["refunded"]) == (0, captured, refunded)
    stage.books().assert_agree()


async def sell_without_capture(stage: Stage, method: str) -> Ticket:
    """A ticket that was sold by a process that was killed before it took the money."""
    hold = await stage.hold()
    assert hold is not None
    await stage.process().cashier.pay(hold.hold_id, method, None)
    for commands_max in count():
        with suppress(Killed):
            await stage.process(commands_max=commands_max).cashier.confirm(hold.hold_id)
        [kept] = stage.books().holds
        if kept.state == "CONFIRMED":
            assert not kept.is_captured
            ticket = await stage.process().inventory.ticket(kept.ticket_ids[0])
            assert ticket is not None
            return ticket
    raise AssertionError


@pytest.mark.usefixtures("begin")
async def test_what_the_provider_s_staff_has_refunded_in_full_counts_as_refunded(
    stage: Stage, sandbox: Sandbox
) -> None:
    first, second = await buy(stage)
    sandbox.refund(str(first.payment_id))

    for ticket in (first, second):
        await stage.process().box_office.cancel(ticket.ticket_id)

    assert given_back(stage) == (4_000, 1)
    assert [told.ticket_id for told in refunds_told(stage)] == [first.ticket_id, second.ticket_id]


@pytest.mark.usefixtures("begin")
async def test_a_refund_that_the_provider_refuses_for_good_is_put_before_a_person(
    stage: Stage, sandbox: Sandbox
) -> None:
    first, _ = await buy(stage)
    sandbox.refund(str(first.payment_id), 2_000)

    await stage.process().box_office.cancel(first.ticket_id)

    [opened] = await stage.process().cases.list_open()
    assert (opened.case.kind, opened.case.ticket_id) == ("refund-refused", first.ticket_id)
    assert (opened.case.payment_id, opened.case.amount_cents) == (first.payment_id, 2_500)
    assert not is_anything_due(stage)
    assert refunds_told(stage) == []
