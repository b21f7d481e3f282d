"""One worker per model: takes all that waits, in order, projects it in one go, and acknowledges it.

A store that is away is waited for, with nothing acknowledged. A message that cannot be projected for a reason of its
own is found by halving, and parked; those around it go on, in order.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import assert_never

from contracts.catalogue import EventScheduled, VenueDefined
from contracts.codec import AnyMessage, Header, MalformedMessage, decode, split_batch, type_name
from contracts.hold import HoldExpired, HoldReleased, SeatsHeld
from contracts.payment import PaymentCaptured, PaymentRefunded
from contracts.ticket import TicketCancelled, TicketPurchased, TicketRejected
from contracts.timestamp import decode_timestamp
from msgspec import Raw, Struct

from message_terminal import metrics
from message_terminal.parking import Refused
from message_terminal.projector import DoubleSale, Projector
from message_terminal.stores import StoreAway
from message_terminal.tracing import Tracing

log = logging.getLogger(__name__)

MESSAGES_AT_ONCE = 2_000
DELIVERIES_IN_HAND = 20
SUSPICIOUS_REDELIVERIES = 2
SHORTEST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 5.0


class Delivery(Struct, frozen=True):
    """A batch as the broker hands it over, how often it came back before, and how to say that it is done."""

    body: bytes
    redeliveries: int
    acknowledge: Callable[[], Awaitable[None]]


class Readable(Struct, frozen=True):
    """A message, and the bytes it was read from."""

    raw: bytes
    message: AnyMessage

    @property
    def header(self) -> Header:
        """As much of it as is told of a message that cannot be read."""
        message = self.message
        return Header(type_name(type(message)), message.partition, message.position, message.traceparent)


Arrived = Readable | Refused


class _Stopped(Exception):
    """The worker was asked to stop while it waited for a store."""


class Worker:
    """Projects for one model what is handed to it."""

    def __init__(self, projector: Projector, partitions: int, tracing: Tracing | None = None) -> None:
        self.waiting_for: str | None = None
        self._projector = projector
        self._partitions = partitions
        self._tracing = tracing
        self._begun_ns = 0
        self._deliveries: deque[Delivery] = deque()
        self._arrived = asyncio.Event()
        self._stopping = asyncio.Event()
        metrics.begin(projector.model)

    @property
    def model(self) -> str:
        """The model it works for."""
        return self._projector.model

    def receive(self, delivery: Delivery) -> None:
        """Take a delivery in hand; the broker sends no more than it may until some are acknowledged."""
        assert len(self._deliveries) < DELIVERIES_IN_HAND
        self._deliveries.append(delivery)
        self._arrived.set()

    def stop(self) -> None:
        """Let `run` return once the batch in hand is done, or at once while a store is away."""
        self._stopping.set()
        self._arrived.set()

    async def run(self) -> None:
        """Work until stopped; deliveries that are not done by then stay with the broker."""
        while not self._stopping.is_set():
            await self._arrived.wait()
            self._begun_ns = time.time_ns()
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
        """All that waits, up to a bound; a delivery that came back again and again comes alone."""
        taken: list[Delivery] = []
        arrived: list[Arrived] = []
        while self._deliveries:
            delivery = self._deliveries[0]
            messages = open_batch(delivery.body, self._partitions)
            is_too_much = len(arrived) + len(messages) > MESSAGES_AT_ONCE
            if taken and (is_too_much or is_suspicious(delivery) or is_suspicious(taken[-1])):
                break
            taken.append(self._deliveries.popleft())
            arrived += messages
        if not self._deliveries and not self._stopping.is_set():
            self._arrived.clear()
        return taken, arrived

    async def _project(self, arrived: Sequence[Arrived]) -> None:
        """Project in order, waiting while a store is away, parking what must be."""
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
        """Project as it is, again and again while a store is away."""
        messages = [one.message for one in arrived if isinstance(one, Readable)]
        refused = [one for one in arrived if isinstance(one, Refused)]
        wait_seconds = SHORTEST_WAIT_SECONDS
        while True:
            self._observe_lag(messages)
            try:
                await self._projector.project(messages, refused)
            except StoreAway as away:
                await self._wait(away, wait_seconds)
                wait_seconds = min(wait_seconds * 2, LONGEST_WAIT_SECONDS)
            else:
                self.waiting_for = None
                metrics.messages_projected_total.labels(self.model).inc(len(messages))
                self._trace(arrived)
                return

    def _trace(self, arrived: Sequence[Arrived]) -> None:
        """Tell the trace of each message what became of it."""
        if self._tracing is None:
            return
        for one in arrived:
            refusal = one.reason if isinstance(one, Refused) else None
            self._tracing.projected(self.model, one.header, self._begun_ns, refusal)

    async def _wait(self, away: StoreAway, seconds: float) -> None:
        self.waiting_for = str(away)
        metrics.store_waits_total.labels(self.model).inc()
        log.warning("waiting for a store", extra={"model": self.model, "reason": str(away), "seconds": seconds})
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
    """Whether it came back so often that it may be what ends the process."""
    return delivery.redeliveries >= SUSPICIOUS_REDELIVERIES


def pieces(taken: Sequence[Delivery], arrived: Sequence[Arrived]) -> list[Sequence[Arrived]]:
    """What to project in one go: everything, or of a suspicious delivery half as much each time it comes back."""
    size = MESSAGES_AT_ONCE
    if taken and is_suspicious(taken[0]):
        size = max(1, len(arrived) >> (taken[0].redeliveries - SUSPICIOUS_REDELIVERIES + 1))
    return [arrived[start : start + size] for start in range(0, len(arrived), size)]


def open_batch(body: bytes, partitions: int) -> list[Arrived]:
    """Read each message of a batch alone; a body that is no batch is one message that cannot be projected."""
    try:
        raws = split_batch(body)
    except MalformedMessage as error:
        return [Refused(body, f"no batch: {error}")]
    return [read(raw, partitions) for raw in raws]


def read(raw: bytes | Raw, partitions: int) -> Arrived:
    """Read a message and see whether it says where it belongs."""
    try:
        message: AnyMessage = decode(raw)
    except MalformedMessage as error:
        return Refused(bytes(raw), f"{type(error).__name__}: {error}")
    missing = _missing(message, partitions)
    return Readable(bytes(raw), message) if missing is None else Refused(bytes(raw), missing)


def _missing(message: AnyMessage, partitions: int) -> str | None:
    """What everything that comes through an outbox has, and this message has not; None when nothing is missing."""
    if message.partition >= partitions:
        return f"partition {message.partition} is not one of {partitions}"
    match message:
        case TicketRejected():
            return None
        case VenueDefined() | EventScheduled() | SeatsHeld() | HoldReleased() | HoldExpired():
            return None if message.position else "it has no position"
        case PaymentCaptured() | PaymentRefunded():
            return None if message.position else "it has no position"
        case TicketPurchased() | TicketCancelled():
            return None if message.position and message.generation else "it has no position or no generation"
        case _:
            assert_never(message)


def _seconds(moment: str) -> float:
    try:
        return decode_timestamp(moment).timestamp()
    except ValueError:
        return time.time()
