"""A model's worker: projects all waiting deliveries in order, then acknowledges them.

While a store is unavailable the worker retries and acknowledges nothing. A message that cannot be
projected because of its own content is found by halving the batch, and parked. The others are
projected, in order.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterable, Sequence

from contracts.codec import AnyMessage
from contracts.timestamp import decode_timestamp

from message_terminal import metrics
from message_terminal.delivery import PREFETCH_COUNT, Arrived, Delivery, Readable, read_batch
from message_terminal.parking import Refused
from message_terminal.projector import DoubleSale, Projector
from message_terminal.stores import StoreUnavailable
from message_terminal.tracing import Tracing

log = logging.getLogger(__name__)

MESSAGES_AT_ONCE = 2_000
SUSPICIOUS_REDELIVERIES = 2
SHORTEST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 5.0


class _Stopped(Exception):
    """The worker was stopped while it waited for a store."""


class Worker:
    """The loop that projects one model's deliveries."""

    def __init__(self, projector: Projector, partitions: int, tracing: Tracing | None = None) -> None:
        self.waiting_for: str | None = None
        self._projector = projector
        self._partitions = partitions
        self._tracing = tracing
        self._began_ns = 0
        self._deliveries: deque[Delivery] = deque()
        self._arrived = asyncio.Event()
        self._stopping = asyncio.Event()
        metrics.begin(projector.model)

    @property
    def model(self) -> str:
        """The name of its model."""
        return self._projector.model

    def receive(self, delivery: Delivery) -> None:
        """Queue a delivery; the broker sends at most PREFETCH_COUNT that are not acknowledged."""
        assert len(self._deliveries) < PREFETCH_COUNT
        self._deliveries.append(delivery)
        self._arrived.set()

    def stop(self) -> None:
        """Let `run` return after the current batch, or at once while a store is unavailable."""
        self._stopping.set()
        self._arrived.set()

    async def run(self) -> None:
        """Project until stopped; deliveries that are unfinished by then stay with the broker."""
        while not self._stopping.is_set():
            await self._arrived.wait()
            self._began_ns = time.time_ns()
            taken, arrived = self._take()
            try:
                for piece in pieces(taken, arrived):
                    await self._project(piece)
            except _Stopped:
                return
            for delivery in taken:
                await delivery.acknowledge()
            if not self._deliveries:
                metrics.projection_lag_seconds.labels(self.model).set(0)

    def _take(self) -> tuple[list[Delivery], list[Arrived]]:
        """Take the waiting deliveries, up to MESSAGES_AT_ONCE messages; a suspicious one alone."""
        taken: list[Delivery] = []
        arrived: list[Arrived] = []
        while self._deliveries:
            delivery = self._deliveries[0]
            messages = read_batch(delivery.body, self._partitions)
            is_too_much = len(arrived) + len(messages) > MESSAGES_AT_ONCE
            if taken and (is_too_much or is_suspicious(delivery) or is_suspicious(taken[-1])):
                break
            taken.append(self._deliveries.popleft())
            arrived += messages
        if not self._deliveries and not self._stopping.is_set():
            self._arrived.clear()
        return taken, arrived

    async def _project(self, arrived: Sequence[Arrived]) -> None:
        """Project in order, retrying while a store is unavailable and parking bad messages."""
        try:
            await self._persist(arrived)
        except _Stopped:
            raise
        except Exception as error:
            if len(arrived) > 1:
                middle = len(arrived) // 2
                await self._project(arrived[:middle])
                await self._project(arrived[middle:])
            else:
                await self._park(arrived[0], error)

    async def _park(self, arrived: Arrived, error: Exception) -> None:
        if isinstance(arrived, Refused):
            raise error
        facts = {"model": self.model, "reason": repr(error), "traceparent": arrived.message.traceparent}
        log.error("parking a message", extra=facts)
        if isinstance(error, DoubleSale):
            metrics.double_sales_total.labels(self.model).inc()
        await self._persist([Refused(arrived.raw, f"{type(error).__name__}: {error}")])

    async def _persist(self, arrived: Sequence[Arrived]) -> None:
        """Project everything at once, retrying while a store is unavailable."""
        messages = [one.message for one in arrived if isinstance(one, Readable)]
        refused = [one for one in arrived if isinstance(one, Refused)]
        wait_seconds = SHORTEST_WAIT_SECONDS
        while True:
            self._observe_lag(messages)
            try:
                await self._projector.project(messages, refused)
            except StoreUnavailable as error:
                await self._wait(error, wait_seconds)
                wait_seconds = min(wait_seconds * 2, LONGEST_WAIT_SECONDS)
            else:
                self.waiting_for = None
                metrics.messages_projected_total.labels(self.model).inc(len(messages))
                self._trace(arrived)
                return

    def _trace(self, arrived: Sequence[Arrived]) -> None:
        """Record the outcome of each message in its trace."""
        if self._tracing is None:
            return
        for one in arrived:
            refusal = one.reason if isinstance(one, Refused) else None
            self._tracing.projected(self.model, one.header, self._began_ns, refusal)

    async def _wait(self, error: StoreUnavailable, seconds: float) -> None:
        self.waiting_for = str(error)
        metrics.store_waits_total.labels(self.model).inc()
        log.warning("waiting for a store", extra={"model": self.model, "reason": str(error), "seconds": seconds})
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
        raise _Stopped

    def _observe_lag(self, messages: Iterable[AnyMessage]) -> None:
        oldest = min((message.time for message in messages), default=None)
        if oldest is not None:
            metrics.projection_lag_seconds.labels(self.model).set(time.time() - _seconds(oldest))


def is_suspicious(delivery: Delivery) -> bool:
    """Whether it was redelivered so often that it may be crashing the process."""
    return delivery.redeliveries >= SUSPICIOUS_REDELIVERIES


def pieces(taken: Sequence[Delivery], arrived: Sequence[Arrived]) -> list[Sequence[Arrived]]:
    """Split messages into batches; each redelivery halves those of a suspicious delivery."""
    size = MESSAGES_AT_ONCE
    if taken and is_suspicious(taken[0]):
        size = max(1, len(arrived) >> (taken[0].redeliveries - SUSPICIOUS_REDELIVERIES + 1))
    return [arrived[start : start + size] for start in range(0, len(arrived), size)]


def _seconds(moment: str) -> float:
    try:
        return decode_timestamp(moment).timestamp()
    except ValueError:
        return time.time()
