"""From messages to bytes and back; what is read is upcast, so that nobody handles an old version.

MalformedMessage        the bytes are no message: not JSON, or not of the shape that their type promises
└── UnknownMessage      a type that this release does not know: a newer producer sent it
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
"""The newest version of every kind: what handlers match over."""

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
"""Every version ever released; an older one has a `lift()` that returns the next."""

M = TypeVar("M")


class MalformedMessage(ValueError):
    """The bytes are no message."""


class UnknownMessage(MalformedMessage):
    """The message is of a type that this release does not know."""


class Header(msgspec.Struct, frozen=True):
    """As much of a message as can be told without knowing its type; what is out of shape or bounds is left out."""

    type: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    partition: Partition | None = None
    position: PositionText | None = None
    traceparent: Annotated[str, msgspec.Meta(max_length=64)] | None = None


class Codec(Generic[M]):
    """Reads all of `released`, answers the newest of each kind."""

    def __init__(self, released: Iterable[type[Message]]) -> None:
        versions: tuple[Any, ...] = tuple(released)
        self._types = {type_name(version) for version in versions}
        self._decoder = msgspec.json.Decoder[Any](reduce(or_, versions))

    def decode(self, raw: bytes | msgspec.Raw) -> M:
        """Read one message and upcast it. Raises UnknownMessage, MalformedMessage."""
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
    """The type on the wire, which is also the name of the schema's file."""
    return cast("str", message.__struct_config__.tag)


def read_header(raw: bytes | msgspec.Raw) -> Header:
    """What can still be told of bytes that are no message; all None when nothing can."""
    try:
        attributes = _attributes_decoder.decode(raw)
    except _UNREADABLE:
        return Header()
    told = {}
    for name, decoder in _header_decoders.items():
        with suppress(*_UNREADABLE):
            told[name] = decoder.decode(attributes.get(name, b"null"))
    return Header(**told)


def encode(message: Message) -> bytes:
    """Write one message as JSON."""
    return _encoder.encode(message)


def with_position(raw: bytes, position: Position, generation: int | None) -> bytes:
    """Put in front of an encoded message what only its outbox knows; `raw` carries neither yet."""
    if generation is None:
        return b'{"position":"%b",%b' % (str(position).encode(), raw[1:])
    return b'{"position":"%b","generation":%d,%b' % (str(position).encode(), generation, raw[1:])


def encode_batch(messages: Iterable[bytes]) -> bytes:
    """Write encoded messages as one CloudEvents batch."""
    return b"[" + b",".join(messages) + b"]"


def split_batch(body: bytes) -> list[msgspec.Raw]:
    """Take a batch apart without reading its messages, so that one of them cannot spoil the rest.

    Raises MalformedMessage when it is no JSON array.
    """
    try:
        return _batch_decoder.decode(body)
    except _UNREADABLE as error:
        raise MalformedMessage(str(error)) from error


_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are no JSON, of another shape, not UTF-8, or nested too deep."""

_encoder = msgspec.json.Encoder()
_batch_decoder = msgspec.json.Decoder(list[msgspec.Raw])
_attributes_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_header_decoders = {field.name: msgspec.json.Decoder[Any](field.type) for field in msgspec.structs.fields(Header)}

decode = Codec[AnyMessage](RELEASED).decode
"""Read one message of any version ever released and upcast it. Raises UnknownMessage, MalformedMessage."""
