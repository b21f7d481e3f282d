"""The scripts of a payment: each works from its own states only, and is idempotent."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from contracts.ticket import TicketCancelled
from msgspec.structs import replace
from purchase.holds.hold import Hold
from purchase.holds.ledger import HoldLedger, Made, NotFree
from purchase.payments.ledger import BegunPayment, PaymentLedger, Recorded
from purchase.seats.inventory import Inventory
from purchase.store import keys
from purchase.store.clock import Clock
from purchase.store.connection import connect
from purchase.store.partitions import Partitions
from redis import Redis

from tests.stage.builders import (
    HOLD_MS,
    PARTITIONS,
    PAYMENT_MS,
    cancelled,
    held_seat,
    idempotency_key,
    new_hold,
    ticket,
)
from tests.stage.clock import pass_time
from tests.stage.proxy import RedisProxy, listening
from tests.stage.redis_state import RedisState
from tests.stage.sellers import HOLDS_PER_CUSTOMER, OUTBOX_MAX, prepare, selling

PARTITION = keys.partition_of("Gala", PARTITIONS)
BEGUN = BegunPayment("pi_1", "sandbox", "pi_1_secret", "AUTHORISED")
REFUSED = ("MOVED", "EXPIRED", False)


class Desk:
    """The ledgers of one process, behind a proxy that may lose answers."""

    def __init__(self, proxy: RedisProxy) -> None:
        self.proxy = proxy
        self.redis = connect(proxy.url)
        partitions = Partitions(self.redis, count=PARTITIONS, outbox_max=OUTBOX_MAX)
        self.holds = HoldLedger(self.redis, partitions, holds_per_customer=HOLDS_PER_CUSTOMER)
        self.inventory = Inventory(self.redis, partitions)
        self.payments = PaymentLedger(
            self.redis,
            partitions,
            Clock(partitions),
            hold_seconds=HOLD_MS // 1_000,
            payment_seconds=PAYMENT_MS // 1_000,
        )

    async def held(self) -> Hold:
        made = await self.holds.hold(new_hold(held_seat(column=1), held_seat(column=2), customer_id="ada"))
        assert isinstance(made, Made)
        return await self.reread(made.hold)

    async def free(self) -> Hold:
        """Make a hold with nothing to pay."""
        made = await self.holds.hold(new_hold(held_seat(price_cents=0)))
        assert isinstance(made, Made)
        return await self.reread(made.hold)

    async def paying(self) -> Hold:
        """Make a hold whose payment is recorded."""
        begun = await self.payments.begin(await self.held(), "pm_card_visa")
        assert isinstance(begun, Hold)
        assert isinstance(await self.payments.record_payment(begun, BEGUN, None), Recorded)
        return await self.reread(begun)

    async def confirmed(self) -> Hold:
        hold = await self.paying()
        assert await self.payments.sell(hold) == "SOLD"
        return await self.reread(hold)

    async def reread(self, hold: Hold) -> Hold:
        """Return the hold as it is now."""
        stored = await self.holds.find(hold.hold_id)
        assert stored is not None
        return stored


@pytest.fixture
def redis_state(redis_url: str) -> Iterator[RedisState]:
    """The state of Redis."""
    with Redis.from_url(redis_url) as redis:
        yield RedisState(redis)


@pytest.fixture
async def desk(redis_url: str) -> AsyncIterator[Desk]:
    """Ledgers with an event of six seats on sale."""
    await prepare(redis_url)
    async with selling(redis_url) as seller:
        await seller.put_on_sale("Gala")
    async with listening(RedisProxy(redis_url)) as proxy:
        desk = Desk(proxy)
        yield desk
        await desk.redis.aclose()


Step = Callable[[PaymentLedger, Hold], Awaitable[Any]]


async def begin(payments: PaymentLedger, hold: Hold) -> Any:
    return await payments.begin(hold, "pm_card_visa")


async def record(payments: PaymentLedger, hold: Hold) -> Any:
    return await payments.record_payment(hold, BEGUN, None)


async def decline(payments: PaymentLedger, hold: Hold) -> Any:
    return await payments.decline(hold, "generic_decline")


async def sell(payments: PaymentLedger, hold: Hold) -> Any:
    return await payments.sell(hold)


async def record_captured(payments: PaymentLedger, hold: Hold) -> Any:
    return await payments.record_captured(hold, "sandbox")


async def refuse_capture(payments: PaymentLedger, hold: Hold) -> Any:
    tickets = [ticket(ticket_id=ticket_id) for ticket_id in hold.ticket_ids or (UUID(int=1), UUID(int=2))]
    return await payments.refuse_capture(hold, tickets, "charge_expired_for_capture")


async def begin_ending(payments: PaymentLedger, hold: Hold) -> Any:
    return await payments.begin_ending(hold, "RELEASED")


STATES = ("HELD", "PAYING", "ENDING", "CONFIRMED", "CANCELLED", "RELEASED", "EXPIRED")
STATES_OF: dict[Step, tuple[str, ...]] = {
    begin: ("HELD", "PAYING"),
    record: ("PAYING", "CONFIRMED"),
    decline: ("PAYING", "HELD"),
    sell: ("PAYING", "CONFIRMED"),
    record_captured: ("CONFIRMED",),
    refuse_capture: ("CONFIRMED", "CANCELLED"),
    begin_ending: ("PAYING", "ENDING"),
}
"""The states from which a step is taken, or is known to have been taken before."""


def name_of(value: object) -> str:
    return getattr(value, "__name__", str(value))


@pytest.mark.parametrize(
    ("step", "state"),
    [(step, state) for step, states in STATES_OF.items() for state in STATES if state not in states],
    ids=name_of,
)
async def test_a_step_is_refused_from_every_state_but_its_own(
    desk: Desk, redis_state: RedisState, step: Step, state: str
) -> None:
    hold = await desk.paying()
    redis_state.redis.hset(keys.hold(PARTITION, hold.hold_id.bytes), "state", state)

    with redis_state.unchanged():
        assert await step(desk.payments, hold) in REFUSED


@pytest.mark.parametrize("step", [begin, decline], ids=name_of)
async def test_a_step_for_an_older_version_of_the_hold_is_refused(
    desk: Desk, redis_state: RedisState, step: Step
) -> None:
    hold = await desk.paying()

    with redis_state.unchanged():
        assert await step(desk.payments, replace(hold, version=hold.version - 1)) in REFUSED


@pytest.mark.parametrize("step", [record, sell], ids=name_of)
async def test_a_step_of_an_older_attempt_is_refused(desk: Desk, redis_state: RedisState, step: Step) -> None:
    hold = await desk.paying()

    with redis_state.unchanged():
        assert await step(desk.payments, replace(hold, attempt=hold.attempt - 1)) in REFUSED


@pytest.mark.parametrize(
    ("before", "step", "after", "published"),
    [
        (Desk.held, begin, "PAYING", 1),
        (Desk.paying, begin, "PAYING", 0),
        (Desk.paying, decline, "HELD", 1),
        (Desk.paying, sell, "CONFIRMED", 2),
        (Desk.free, sell, "CONFIRMED", 1),
        (Desk.paying, begin_ending, "ENDING", 0),
        (Desk.confirmed, record_captured, "CONFIRMED", 1),
        (Desk.confirmed, refuse_capture, "CANCELLED", 2),
    ],
    ids=name_of,
)
async def test_a_step_whose_answer_was_lost_is_taken_once(
    desk: Desk,
    redis_state: RedisState,
    before: Callable[[Desk], Awaitable[Hold]],
    step: Step,
    after: str,
    published: int,
) -> None:
    hold = await before(desk)
    messages = len(redis_state.outbox(PARTITION))

    desk.proxy.lose()
    assert await step(desk.payments, hold) not in REFUSED

    taken = await desk.reread(hold)
    assert (taken.state, taken.version) == (after, hold.version + 1)
    assert len(redis_state.outbox(PARTITION)) == messages + published


async def test_only_one_of_two_calls_begins_an_attempt(desk: Desk) -> None:
    hold = await desk.held()

    first, second = await desk.payments.begin(hold, "pm_card_visa"), await desk.payments.begin(hold, "pm_card_visa")

    assert isinstance(first, Hold)
    assert second == "MOVED"


async def test_an_attempt_is_not_taken_back_after_its_request_was_repeated(desk: Desk) -> None:
    begun = await desk.payments.begin(await desk.held(), "pm_card_visa")
    assert isinstance(begun, Hold)

    assert await desk.payments.record_retry(begun)

    assert not await desk.payments.decline(begun, code=None)
    assert (await desk.reread(begun)).state == "PAYING"


async def test_seats_that_are_being_paid_for_are_kept_beyond_the_first_deadline(
    desk: Desk, redis_state: RedisState
) -> None:
    hold = await desk.paying()
    pass_time(redis_state.redis, PARTITION, ms=HOLD_MS)

    assert isinstance(await desk.holds.hold(new_hold(held_seat(column=1))), NotFree)
    assert await desk.payments.sell(hold) == "SOLD"


async def test_no_payment_begins_for_an_expired_hold(desk: Desk, redis_state: RedisState) -> None:
    hold = await desk.held()
    pass_time(redis_state.redis, PARTITION, ms=HOLD_MS)

    with redis_state.unchanged():
        assert await desk.payments.begin(hold, None) == "EXPIRED"


async def test_a_hold_with_nothing_to_pay_is_sold_and_nothing_is_due(desk: Desk, redis_state: RedisState) -> None:
    hold = await desk.free()

    assert await desk.payments.sell(hold) == "SOLD"

    assert (await desk.reread(hold)).is_captured
    assert not redis_state.redis.exists(keys.due(PARTITION))


async def test_an_expired_hold_with_nothing_to_pay_is_not_sold(desk: Desk, redis_state: RedisState) -> None:
    hold = await desk.free()
    pass_time(redis_state.redis, PARTITION, ms=HOLD_MS)

    with redis_state.unchanged():
        assert await desk.payments.sell(hold) == "GONE"


async def test_attempts_never_keep_seats_longer_than_the_first_payment_may_take(
    desk: Desk, redis_state: RedisState
) -> None:
    hold = await desk.paying()
    pass_time(redis_state.redis, PARTITION, ms=PAYMENT_MS - HOLD_MS // 2)
    stored = await desk.reread(hold)
    assert await desk.payments.decline(stored, "generic_decline")

    declined = await desk.reread(hold)

    assert declined.deadline_ms == declined.cap_ms == stored.cap_ms
    again = await desk.payments.begin(declined, None)
    assert isinstance(again, Hold)
    assert again.deadline_ms == stored.cap_ms


@pytest.mark.parametrize(
    ("age_seconds", "pause_seconds"), [(0, 15), (10, 15), (30, 30), (200, 60), (PAYMENT_MS // 1_000 - 20, 20)]
)
async def test_an_undecided_payment_is_polled_less_and_less_often_and_at_its_deadline(
    desk: Desk, redis_state: RedisState, age_seconds: int, pause_seconds: int
) -> None:
    hold = await desk.paying()
    pass_time(redis_state.redis, PARTITION, ms=age_seconds * 1_000)

    await desk.payments.poll_later(await desk.reread(hold))

    now, _ = redis_state.redis.time()
    due = redis_state.redis.zscore(keys.due(PARTITION), b"H" + hold.hold_id.bytes)
    assert due / 1_000 - now == pytest.approx(pause_seconds, abs=3)


async def test_a_key_is_answered_with_its_first_answer(desk: Desk) -> None:
    hold, key = await desk.paying(), idempotency_key("a key")
    other = BegunPayment("pi_1", "sandbox", None, "CAPTURED")

    first, again = (
        await desk.payments.record_payment(hold, BEGUN, key),
        await desk.payments.record_payment(hold, other, key),
    )

    assert isinstance(first, Recorded)
    assert isinstance(again, Recorded)
    assert (first.payment, first.is_replayed) == (BEGUN, False)
    assert (again.payment, again.is_replayed) == (BEGUN, True)
    assert await desk.payments.record_payment(hold, BEGUN, idempotency_key("a key", "another body")) == "KEY_REUSED"


async def test_an_answered_key_begins_no_other_attempt(desk: Desk, redis_state: RedisState) -> None:
    hold, key = await desk.paying(), idempotency_key("a key")
    await desk.payments.record_payment(hold, BEGUN, key)

    with redis_state.unchanged():
        again = await desk.payments.begin(hold, "pm_card_visa", key)
        reused = await desk.payments.begin(hold, "pm_card_visa", idempotency_key("a key", "another body"))

    assert isinstance(again, Recorded)
    assert (again.payment, again.is_replayed) == (BEGUN, True)
    assert reused == "KEY_REUSED"


async def test_an_attempt_records_the_key_that_began_it(desk: Desk) -> None:
    key, other_body = idempotency_key("a key"), idempotency_key("a key", "another body")

    begun = await desk.payments.begin(await desk.held(), "pm_card_visa", key)

    assert isinstance(begun, Hold)
    stored = await desk.reread(begun)
    assert stored.key_mark == begun.key_mark == key.mark
    assert [one.is_reused(stored.key_mark) for one in (key, other_body, idempotency_key("another"))] == [
        False,
        True,
        False,
    ]


async def test_a_sold_seat_counts_once_against_the_limit_of_its_customer(desk: Desk) -> None:
    await desk.confirmed()

    one_more = new_hold(held_seat(row=2), customer_id="ada", limit=3)
    assert isinstance(await desk.holds.hold(one_more), Made)
    assert await desk.holds.hold(new_hold(held_seat(row=2, column=2), customer_id="ada", limit=3)) == "LIMIT"


async def test_a_ticket_that_was_cancelled_before_its_capture_is_refused_is_cancelled_once(
    desk: Desk, redis_state: RedisState
) -> None:
    hold = await desk.confirmed()
    undone = ticket(ticket_id=hold.ticket_ids[0], customer_id="ada")
    await desk.inventory.cancel(undone, cancelled(undone))

    assert await refuse_capture(desk.payments, hold)

    assert len([message for message in redis_state.outbox(PARTITION) if isinstance(message, TicketCancelled)]) == 2
    assert redis_state.redis.hget(keys.sold(PARTITION, "Gala"), "all") == b"0"
    assert not redis_state.redis.exists(keys.customers(PARTITION, "Gala"))
