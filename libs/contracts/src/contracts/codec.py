"""Encodes and decodes messages; decoding upcasts, so that nobody handles an old version.

MalformedMessage        the bytes are not JSON, or do not match the schema of their type
└── UnknownMessage      this release does not know the type: a newer producer sent it
"""

from collections.abc import Iterable
from contextlib import suppress
from functools import reduce
from operator import or_
from typing import Annotated, Any, Generic, TypeVar, cast

import msgspec

from contracts.catalogue import EventScheduled, VenueDefined
from contracts.hold import HoldExpired, HoldReleased, SeatsHeld
from contracts.message import Message, Partition
from contracts.payment import PaymentCaptured, PaymentRefunded
from contracts.position import Position, PositionText
from contracts.ticket import TicketCancelled, TicketPurchased, TicketRejected

AnyMessage = (
    VenueDefined
    | EventScheduled
    | TicketPurchased
    | TicketCancelled
    | TicketRejected
    | SeatsHeld
    | HoldReleased
    | HoldExpired
    | PaymentCaptured
    | PaymentRefunded
)
"""The newest version of every kind of message. Handlers match over these."""

RELEASED: tuple[type[Message], ...] = (
    VenueDefined,
    EventScheduled,
    TicketPurchased,
    TicketCancelled,
    TicketRejected,
    SeatsHeld,
    HoldReleased,
    HoldExpired,
    PaymentCaptured,
    PaymentRefunded,
)
"""Every version ever released. Each older one has a `lift()` that returns the next version."""

M = TypeVar("M")


class MalformedMessage(ValueError):
    """The bytes are not a valid message."""


class UnknownMessage(MalformedMessage):
    """The message is of a type that this release does not know."""


class Header(msgspec.Struct, frozen=True):
    """The attributes that can be read without knowing the type; a malformed attribute is None."""

    type: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    partition: Partition | None = None
    position: PositionText | None = None
    traceparent: Annotated[str, msgspec.Meta(max_length=64)] | None = None


class Codec(Generic[M]):
    """A decoder of every version in `released` that returns the newest version of each kind."""

    def __init__(self, released: Iterable[type[Message]]) -> None:
        versions: tuple[Any, ...] = tuple(released)
        self._types = {type_name(version) for version in versions}
        self._decoder = msgspec.json.Decoder[Any](reduce(or_, versions))

    def decode(self, raw: bytes | msgspec.Raw) -> M:
        """Decode one message and upcast it. Raises UnknownMessage, MalformedMessage."""
        try:
            message = self._decoder.decode(raw)
        except _UNREADABLE as error:
            header = read_header(raw)
            if header.type is not None and header.type not in self._types:
                raise UnknownMessage(f"unknown type {header.type}") from error
            raise MalformedMessage(str(error)) from error
        while hasattr(message, "lift"):
            message = message.lift()
        return cast("M", message)


def type_name(message: type[Message]) -> str:
    """Return the type on the wire, which also names the schema's file."""
    return cast("str", message.__struct_config__.tag)


def read_header(raw: bytes | msgspec.Raw) -> Header:
    """Read the attributes of a message that may be malformed; each unreadable one is None."""
    try:
        attributes = _attributes_decoder.decode(raw)
    except _UNREADABLE:
        return Header()
    header = {}
    for name, decoder in _header_decoders.items():
        with suppress(*_UNREADABLE):
            header[name] = decoder.decode(attributes.get(name, b"null"))
    return Header(**header)


def encode(message: Message) -> bytes:
    """Encode one message as JSON."""
    return _encoder.encode(message)


def with_position(raw: bytes, position: Position, generation: int | None) -> bytes:
    """Prepend the position and generation, which only the outbox knows; `raw` has neither yet."""
    if generation is None:
        return b'{"position":"%b",%b' % (str(position).encode(), raw[1:])
    return b'{"position":"%b","generation":%d,%b' % (str(position).encode(), generation, raw[1:])


def encode_batch(messages: Iterable[bytes]) -> bytes:
    """Join encoded messages into one CloudEvents batch."""
    return b"[" + b",".join(messages) + b"]"


def split_batch(body: bytes) -> list[msgspec.Raw]:
    """Split a batch without decoding its messages, so that a malformed one does not hurt the rest.

    Raises MalformedMessage when the body is not a JSON array.
    """
    try:
        return _batch_decoder.decode(body)
    except _UNREADABLE as error:
        raise MalformedMessage(str(error)) from error


_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""msgspec's errors for bytes that are not JSON, of another shape, not UTF-8 or nested too deep."""

_encoder = msgspec.json.Encoder()
_batch_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_attributes_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_header_decoders = {field.name: msgspec.json.Decoder[Any](field.type) for field in msgspec.structs.fields(Header)}

decode = Codec[AnyMessage](RELEASED).decode
"""Decode one message of any released version and upcast it.

Raises UnknownMessage, MalformedMessage.
"""
