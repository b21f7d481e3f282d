"""Deliveries from the broker, and the messages in them: read one by one and checked."""

from collections.abc import Awaitable, Callable
from typing import assert_never

from contracts.catalogue import EventScheduled, VenueDefined
from contracts.codec import AnyMessage, Header, MalformedMessage, decode, split_batch, type_name
from contracts.hold import HoldExpired, HoldReleased, SeatsHeld
from contracts.payment import PaymentCaptured, PaymentRefunded
from contracts.ticket import TicketCancelled, TicketPurchased, TicketRejected
from msgspec import Raw, Struct

from message_terminal.parking import Refused

PREFETCH_COUNT = 20
"""The maximum number of unacknowledged deliveries of a worker."""


class Delivery(Struct, frozen=True):
    """A batch from the broker, the number of its earlier deliveries, and its acknowledgement."""

    body: bytes
    redeliveries: int
    acknowledge: Callable[[], Awaitable[None]]


class Readable(Struct, frozen=True):
    """A valid message, and the bytes it was read from."""

    raw: bytes
    message: AnyMessage

    @property
    def header(self) -> Header:
        """The header fields, as `Refused` has them for a message that cannot be read."""
        message = self.message
        return Header(type_name(type(message)), message.partition, message.position, message.traceparent)


Arrived = Readable | Refused


def read_batch(body: bytes, partitions: int) -> list[Arrived]:
    """Read each message of a batch; a body that is no batch counts as one refused message."""
    try:
        raws = split_batch(body)
    except MalformedMessage as error:
        return [Refused(body, f"no batch: {error}")]
    return [read_message(raw, partitions) for raw in raws]


def read_message(raw: bytes | Raw, partitions: int) -> Arrived:
    """Read a message and check its partition, position and generation; refuse it otherwise."""
    try:
        message: AnyMessage = decode(raw)
    except MalformedMessage as error:
        return Refused(bytes(raw), f"{type(error).__name__}: {error}")
    problem = _problem(message, partitions)
    return Readable(bytes(raw), message) if problem is None else Refused(bytes(raw), problem)


def _problem(message: AnyMessage, partitions: int) -> str | None:
    """Return why the message cannot come from an outbox; None if nothing is missing."""
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
