"""The envelope of every message: CloudEvents 1.0 attributes and the platform's four extensions."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from contracts.position import PositionText
from contracts.timestamp import Timestamp

Partition = Annotated[int, Meta(ge=0, le=4_095, description="The partition in whose sequence this message stands.")]
"""Twelve bits, because each ticket's id contains its partition."""

Generation = Annotated[int, Meta(ge=1, le=2**32 - 1, description="Counts the sales of this seat, from 1.")]
TraceParent = Annotated[str, Meta(description="W3C trace context of the request that caused the message.")]


class Message(Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """A fact that one service publishes; each kind adds its `data`.

    Source: CloudEvents 1.0, JSON format.
    """

    # A factory: CloudEvents requires the attribute, and omit_defaults would drop a plain default.
    specversion: Annotated[Literal["1.0"], Meta(description="Version of CloudEvents.")] = field(
        default_factory=lambda: "1.0"
    )
    id: Annotated[str, Meta(min_length=1, description="Unique within `source`.")]
    source: Annotated[str, Meta(min_length=1, description="The sender: `/purchase` or `/message-terminal`.")]
    subject: Annotated[str, Meta(min_length=1, description="Id of the venue, event, ticket, hold or payment.")]
    time: Annotated[Timestamp, Meta(description="When the fact happened.")]
    partition: Partition
    position: PositionText | None = None
    generation: Generation | None = None
    traceparent: TraceParent | None = None
    data: Any
