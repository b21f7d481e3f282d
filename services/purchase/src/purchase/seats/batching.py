"""Batches orders that arrive during a call into the next call: no timer, no delay when idle."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from purchase.metrics import orders_joined

Order = TypeVar("Order")
Answer = TypeVar("Answer")


class QueueFull(Exception):
    """The lane's queue is full; the order was not accepted."""


class _Lane(Generic[Order, Answer]):
    def __init__(self) -> None:
        self.waiting: deque[tuple[Order, asyncio.Future[Answer]]] = deque()
        self.calls: set[asyncio.Task[None]] = set()


class Batching(Generic[Order, Answer]):
    """Lanes of orders; each has at most `in_flight` calls at a time, of up to `largest` orders."""

    def __init__(
        self,
        call: Callable[[int, Sequence[Order]], Awaitable[Sequence[Answer]]],
        *,
        lanes: int,
        in_flight: int = 2,
        largest: int = 128,
        waiting_max: int = 4096,
    ) -> None:
        self._call = call
        self._lanes: list[_Lane[Order, Answer]] = [_Lane() for _ in range(lanes)]
        self._in_flight = in_flight
        self._largest = largest
        self._waiting_max = waiting_max

    async def submit(self, number: int, order: Order) -> Answer:
        """Return the order's answer.

        Raises QueueFull, or the exception of the call that carried the order.
        """
        lane = self._lanes[number]
        if len(lane.waiting) >= self._waiting_max:
            raise QueueFull
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        lane.waiting.append((order, answer))
        if len(lane.calls) < self._in_flight:
            task = asyncio.create_task(self._drain(number, lane))
            lane.calls.add(task)
        return await answer

    async def _drain(self, number: int, lane: _Lane[Order, Answer]) -> None:
        try:
            await self._serve(number, lane)
        finally:
            # In the turn that found the queue empty: the next order must start a call of its own.
            task = asyncio.current_task()
            assert task is not None
            lane.calls.remove(task)

    async def _serve(self, number: int, lane: _Lane[Order, Answer]) -> None:
        while lane.waiting:
            joined = [lane.waiting.popleft() for _ in range(min(len(lane.waiting), self._largest))]
            # Callers that have hung up are skipped: nothing was promised to them yet.
            joined = [(order, future) for order, future in joined if not future.done()]
            if joined:
                await self._carry(number, joined)

    async def _carry(self, number: int, joined: list[tuple[Order, asyncio.Future[Answer]]]) -> None:
        orders_joined.observe(len(joined))
        try:
            answers = await self._call(number, [order for order, _ in joined])
        except Exception as error:  # every waiting caller gets the exception, of any kind
            for _, future in joined:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), answer in zip(joined, answers, strict=True):
            if not future.done():
                future.set_result(answer)
