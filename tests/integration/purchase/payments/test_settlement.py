"""Due holds are finished by one process or, when it dies, by another; failures are retried."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from contracts.codec import decode
from contracts.hold import HoldExpired
from infra_local.running import RunningServer
from purchase.holds.hold import Hold
from purchase.holds.ledger import Made
from purchase.payments.due_ledger import CLAIMED_MAX, LEASE_SECONDS, DueLedger
from purchase.payments.settlement import PAUSE_SECONDS, Finish, Settlement, keep_finishing
from purchase.store import keys
from purchase.store.clock import Clock
from purchase.store.connection import Recovering
from purchase.store.ids import mint_id
from purchase.store.moments import now_us
from redis import Redis

from tests.stage.builders import HOLD_MS, PARTITIONS, held_seat, new_hold, zone
from tests.stage.clock import pass_time
from tests.stage.polling import until
from tests.stage.sellers import Seller, prepare, selling

PARTITION = keys.partition_of("Gala", PARTITIONS)
ROOM = zone(row_count=10, col_count=30)


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    with Redis.from_url(redis_url) as own:
        yield own


@pytest.fixture
async def seller(redis_url: str) -> AsyncIterator[Seller]:
    """A process with an event of 300 seats on sale."""
    await prepare(redis_url)
    async with selling(redis_url) as own:
        await own.put_on_sale("Gala", zones=(ROOM,))
        yield own


class Finisher:
    """Records the holds that it is called for, and raises `error`."""

    def __init__(self) -> None:
        self.calls: list[UUID] = []
        self.error: Exception | None = None

    async def finish(self, hold_id: UUID) -> None:
        self.calls.append(hold_id)
        await asyncio.sleep(0)
        if self.error:
            raise self.error


def settlement(seller: Seller, finish: Finish | None = None) -> Settlement:
    """The settlement of one process; it ends expired holds unless another `finish` is given."""

    async def expire(hold_id: UUID) -> None:
        assert await seller.hold_desk.finish_unpaid(hold_id) is None

    async def give_refund(_: UUID) -> None:
        raise AssertionError("no refund is due here")

    ledger = DueLedger(seller.redis, seller.partitions, Clock(seller.partitions))
    return Settlement(ledger, finish_hold=finish or expire, give_refund=give_refund)


async def held(seller: Seller, holds: int = 1) -> list[Hold]:
    """Make holds of one seat each."""
    made = [
        await seller.holds.hold(new_hold(held_seat(row=1 + number // 30, column=1 + number % 30)))
        for number in range(holds)
    ]
    assert all(isinstance(outcome, Made) for outcome in made)
    return [outcome.hold for outcome in made if isinstance(outcome, Made)]


def due(client: Any) -> dict[bytes, int]:
    """Return the members that are due, and in how many ms."""
    now_ms = now_us() // 1_000
    return {member: int(score) - now_ms for member, score in client.zrange(keys.due(PARTITION), 0, -1, withscores=True)}


def expired(client: Any) -> list[str]:
    """Return the references of the holds that were published as expired."""
    messages = [decode(fields[b"message"]) for _, fields in client.xrange(keys.outbox(PARTITION))]
    return [message.subject for message in messages if isinstance(message, HoldExpired)]


async def test_expired_holds_are_ended_and_published_once(seller: Seller, client: Any) -> None:
    holds = await held(seller, 5)
    pass_time(client, PARTITION, ms=HOLD_MS)

    assert await settlement(seller).finish_due() == 5
    assert await settlement(seller).finish_due() == 0

    assert sorted(expired(client)) == sorted(hold.reference for hold in holds)
    assert not client.exists(keys.due(PARTITION))
    assert not list(client.scan_iter(match="*:row:*"))


async def test_a_hold_before_its_deadline_is_not_claimed(seller: Seller) -> None:
    await held(seller)
    finisher = Finisher()

    assert await settlement(seller, finisher.finish).finish_due() == 0
    assert finisher.calls == []


async def test_each_due_hold_is_claimed_by_one_of_two_processes(seller: Seller, client: Any) -> None:
    holds = await held(seller, 10)
    pass_time(client, PARTITION, ms=HOLD_MS)
    finishers = [Finisher(), Finisher()]

    await asyncio.gather(*(settlement(seller, finisher.finish).finish_due() for finisher in finishers))

    calls = [*finishers[0].calls, *finishers[1].calls]
    assert sorted(calls) == sorted(hold.hold_id for hold in holds)


async def test_the_claims_of_a_process_that_died_are_claimed_again_after_its_lease(seller: Seller, client: Any) -> None:
    [hold] = await held(seller)
    pass_time(client, PARTITION, ms=HOLD_MS)
    died, finisher = Finisher(), Finisher()
    await settlement(seller, died.finish).finish_due()

    assert await settlement(seller, finisher.finish).finish_due() == 0
    pass_time(client, PARTITION, ms=int(LEASE_SECONDS * 1_000))
    assert await settlement(seller, finisher.finish).finish_due() == 1

    assert finisher.calls == [hold.hold_id]


async def test_a_claim_of_one_partition_is_bounded(seller: Seller, client: Any) -> None:
    await held(seller, CLAIMED_MAX + 3)
    pass_time(client, PARTITION, ms=HOLD_MS)
    own = settlement(seller)

    assert [await own.finish_due() for _ in range(3)] == [CLAIMED_MAX, 3, 0]


async def test_a_failure_is_retried_after_growing_pauses(seller: Seller, client: Any) -> None:
    [hold] = await held(seller)
    pass_time(client, PARTITION, ms=HOLD_MS)
    finisher = Finisher()
    finisher.error = Recovering()
    own = settlement(seller, finisher.finish)
    pauses = []
    for _ in range(9):
        assert await own.finish_due() == 1
        [pause_ms] = due(client).values()
        pauses.append(seconds(pause_ms))
        pass_time(client, PARTITION, ms=pause_ms)

    first, longest = map(int, PAUSE_SECONDS)
    assert pauses == [min(first * 2**tries, longest) for tries in range(9)]

    finisher.error = None
    await own.finish_due()
    finisher.error = Recovering()
    pass_time(client, PARTITION, ms=int(LEASE_SECONDS * 1_000))
    await own.finish_due()
    assert seconds(due(client)[b"H" + hold.hold_id.bytes]) == first


def seconds(ms: int) -> int:
    """Return a pause that began up to 0.9 s ago, in whole seconds."""
    return (ms + 900) // 1_000


async def test_a_failure_does_not_stop_others_from_being_finished(seller: Seller, client: Any) -> None:
    bad, good = await held(seller, 2)
    pass_time(client, PARTITION, ms=HOLD_MS)

    async def finish(hold_id: UUID) -> None:
        if hold_id == bad.hold_id:
            raise AssertionError("impossible")
        await seller.hold_desk.finish_unpaid(hold_id)

    assert await settlement(seller, finish).finish_due() == 2
    assert expired(client) == [good.reference]
    assert list(due(client)) == [b"H" + bad.hold_id.bytes]


async def test_a_deleted_hold_is_no_longer_due(seller: Seller, client: Any) -> None:
    client.zadd(keys.due(PARTITION), {b"H" + mint_id(PARTITION).bytes: 1})

    await settlement(seller).finish_due()

    assert due(client) == {}


async def test_the_settlement_continues_after_an_outage_of_redis(private_redis: RunningServer) -> None:
    await prepare(private_redis.url)
    async with selling(private_redis.url) as seller:
        await seller.put_on_sale("Gala", zones=(ROOM,))
        await held(seller)
        running = asyncio.create_task(keep_finishing(settlement(seller).finish_due))
        private_redis.kill()
        private_redis.start()
        with Redis.from_url(private_redis.url) as client:
            pass_time(client, PARTITION, ms=HOLD_MS)
            await until(lambda: bool(expired(client)))
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
