"""What every message carries: the CloudEvents 1.0 attributes and the platform's four extensions."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from contracts.position import PositionText
from contracts.timestamp import Timestamp

Partition = Annotated[int, Meta(ge=0, le=4_095, description="In whose order it was told.")]
"""Twelve bits, because every ticket's id carries its own."""


class Message(Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """A fact that one service tells the others; each kind adds its `data`. Source: CloudEvents 1.0, JSON format."""

    # A factory, because CloudEvents demands the attribute and omit_defaults would leave a plain default out.
    specversion: Annotated[Literal["1.0"], Meta(description="Of CloudEvents.")] = field(default_factory=lambda: "1.0")
    id: Annotated[str, Meta(min_length=1, description="No other message of this source has it.")]
    source: Annotated[str, Meta(min_length=1, description="Who tells it: `/purchase` or `/message-terminal`.")]
    subject: Annotated[str, Meta(min_length=1, description="The id of what it is about.")]
    time: Annotated[Timestamp, Meta(description="When it happened.")]
    partition: Partition
    position: PositionText | None = None
    generation: Annotated[int, Meta(ge=1, le=2**32 - 1, description="Which sale of its seat, from 1.")] | None = None
    traceparent: Annotated[str, Meta(description="W3C's: the trace of the request that caused it.")] | None = None
    data: Any
