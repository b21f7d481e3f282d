"""Orders that arrive during a call are batched into the next: bounded, lane by lane."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import pytest
from purchase.seats.batching import Batching, QueueFull

LANE = 0
ANOTHER_LANE = 1
DEADLINE_SECONDS = 5

T = TypeVar("T")


class Calls:
    """Calls in progress, each of which ends when the test ends it; an answer names its order."""

    def __init__(self) -> None:
        self.orders: list[tuple[int, list[int]]] = []
        self._ends: list[asyncio.Future[None]] = []

    async def __call__(self, lane: int, orders: Sequence[int]) -> list[str]:
        end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.orders.append((lane, list(orders)))
        self._ends.append(end)
        await end
        return [f"answer {order}" for order in orders]

    @property
    def in_progress(self) -> int:
        return sum(not end.done() for end in self._ends)

    def end(self, call: int) -> None:
        self._ends[call].set_result(None)

    def fail(self, call: int, error: Exception) -> None:
        self._ends[call].set_exception(error)


@pytest.fixture
def calls() -> Calls:
    return Calls()


def joining(calls: Calls, *, largest: int = 128, waiting_max: int = 4096) -> Batching[int, str]:
    return Batching(calls, lanes=2, largest=largest, waiting_max=waiting_max)


def start(coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    return asyncio.get_running_loop().create_task(coroutine)


async def submit(batching: Batching[int, str], *orders: int, lane: int = LANE) -> list[asyncio.Task[str]]:
    """Submit these in turn, and let every task run."""
    submitted = [start(batching.submit(lane, order)) for order in orders]
    await run_until_blocked()
    return submitted


async def run_until_blocked() -> None:
    """Let every task run until it waits for something that only the test can do."""
    for _ in range(20):
        await asyncio.sleep(0)


async def answers_of(tasks: Sequence[asyncio.Task[str]]) -> list[str]:
    async with asyncio.timeout(DEADLINE_SECONDS):
        return await asyncio.gather(*tasks)


async def test_an_order_that_meets_no_call_is_sent_at_once(calls: Calls) -> None:
    submitted = await submit(joining(calls), 1)

    assert calls.orders == [(LANE, [1])]
    calls.end(0)
    assert await answers_of(submitted) == ["answer 1"]


async def test_orders_that_arrive_together_travel_in_one_call(calls: Calls) -> None:
    submitted = await submit(joining(calls), 1, 2, 3)

    assert calls.orders == [(LANE, [1, 2, 3])]
    calls.end(0)
    assert await answers_of(submitted) == ["answer 1", "answer 2", "answer 3"]


async def test_orders_that_arrive_during_two_calls_join_the_next_in_their_order(calls: Calls) -> None:
    batching = joining(calls)
    first, second = await submit(batching, 1), await submit(batching, 2)
    later = [*await submit(batching, 3), *await submit(batching, 4, 5)]
    assert calls.orders == [(LANE, [1]), (LANE, [2])]

    calls.end(0)
    await run_until_blocked()

    assert calls.orders[2:] == [(LANE, [3, 4, 5])]
    calls.end(1)
    calls.end(2)
    assert await answers_of([*first, *second, *later]) == [f"answer {order}" for order in range(1, 6)]


async def test_a_lane_has_at_most_two_calls_at_a_time(calls: Calls) -> None:
    batching = joining(calls, largest=1)
    submitted = await submit(batching, *range(5))

    for call in range(5):
        assert calls.in_progress == min(2, 5 - call)
        calls.end(call)
        await run_until_blocked()

    assert [orders for _, orders in calls.orders] == [[0], [1], [2], [3], [4]]
    assert await answers_of(submitted) == [f"answer {order}" for order in range(5)]


async def test_a_call_carries_at_most_128_orders(calls: Calls) -> None:
    submitted = await submit(joining(calls), *range(300))

    assert [len(orders) for _, orders in calls.orders] == [128, 128]
    calls.end(0)
    calls.end(1)
    await run_until_blocked()
    assert [len(orders) for _, orders in calls.orders[2:]] == [44]
    calls.end(2)
    assert await answers_of(submitted) == [f"answer {order}" for order in range(300)]


async def test_an_order_beyond_the_bound_is_refused_at_once_and_the_queued_ones_are_sent(calls: Calls) -> None:
    batching = joining(calls, waiting_max=2)
    in_progress = [*await submit(batching, 1), *await submit(batching, 2)]
    waiting = await submit(batching, 3, 4)

    with pytest.raises(QueueFull):
        await batching.submit(LANE, 5)

    calls.end(0)
    await run_until_blocked()
    waiting += await submit(batching, 6)
    calls.end(1)
    calls.end(2)
    await run_until_blocked()
    calls.end(3)
    assert await answers_of([*in_progress, *waiting]) == [f"answer {order}" for order in (1, 2, 3, 4, 6)]


async def test_a_call_that_fails_fails_exactly_its_own_orders(calls: Calls) -> None:
    batching = joining(calls)
    failing = await submit(batching, 1, 2)
    others = await submit(batching, 3)
    later = await submit(batching, 4)
    error = ConnectionError("the line is dead")

    calls.fail(0, error)
    calls.end(1)
    await run_until_blocked()
    calls.end(2)

    assert await asyncio.gather(*failing, return_exceptions=True) == [error, error]
    assert await answers_of([*others, *later]) == ["answer 3", "answer 4"]


async def test_an_order_whose_customer_hung_up_before_it_was_sent_is_not_sent(calls: Calls) -> None:
    batching = joining(calls)
    in_progress = [*await submit(batching, 1), *await submit(batching, 2)]
    hung_up, waiting = await submit(batching, 3, 4)

    hung_up.cancel()
    await run_until_blocked()
    calls.end(0)
    calls.end(1)
    await run_until_blocked()
    calls.end(2)

    assert await answers_of([*in_progress, waiting]) == ["answer 1", "answer 2", "answer 4"]
    assert calls.orders[2:] == [(LANE, [4])]


async def test_a_call_without_an_order_is_not_made(calls: Calls) -> None:
    batching = joining(calls)
    in_progress = [*await submit(batching, 1), *await submit(batching, 2)]
    (hung_up,) = await submit(batching, 3)

    hung_up.cancel()
    await run_until_blocked()
    calls.end(0)
    calls.end(1)

    await answers_of(in_progress)
    await run_until_blocked()
    assert len(calls.orders) == 2


async def test_a_customer_who_hangs_up_during_the_call_spoils_no_other_answer(calls: Calls) -> None:
    hung_up, staying = await submit(joining(calls), 1, 2)

    hung_up.cancel()
    await run_until_blocked()
    calls.end(0)

    assert await answers_of([staying]) == ["answer 2"]


async def test_a_lane_does_not_wait_for_another(calls: Calls) -> None:
    batching = joining(calls)
    stuck = [*await submit(batching, 1), *await submit(batching, 2), *await submit(batching, 3)]

    others = await submit(batching, 4, lane=ANOTHER_LANE)
    calls.end(2)

    assert await answers_of(others) == ["answer 4"]
    assert calls.orders == [(LANE, [1]), (LANE, [2]), (ANOTHER_LANE, [4])]
    assert not any(task.done() for task in stuck)
    for task in stuck:
        task.cancel()
    calls.end(0)
    calls.end(1)
    await run_until_blocked()


async def test_the_bound_of_a_lane_is_its_own(calls: Calls) -> None:
    batching = joining(calls, waiting_max=1)
    full = [*await submit(batching, 1), *await submit(batching, 2), *await submit(batching, 3)]

    others = await submit(batching, 4, lane=ANOTHER_LANE)

    calls.end(2)
    assert await answers_of(others) == ["answer 4"]
    calls.end(0)
    calls.end(1)
    await run_until_blocked()
    calls.end(3)
    assert await answers_of(full) == ["answer 1", "answer 2", "answer 3"]


async def test_an_order_that_arrives_in_the_turn_in_which_the_calls_end_is_sent(calls: Calls) -> None:
    batching = joining(calls)
    in_progress = [*await submit(batching, 1), *await submit(batching, 2)]

    calls.end(0)
    calls.end(1)
    arrived = await submit(batching, 3)

    assert calls.orders[2:] == [(LANE, [3])]
    calls.end(2)
    assert await answers_of([*in_progress, *arrived]) == ["answer 1", "answer 2", "answer 3"]
