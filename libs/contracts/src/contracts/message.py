"""What every message carries: the CloudEvents 1.0 attributes and the platform's four extensions."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from contracts.position import PositionText
from contracts.timestamp import Timestamp

Partition = Annotated[int, Meta(ge=0, le=4_095)]
"""Twelve bits, because every ticket's id carries its own."""


class Message(Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """A fact that one service tells the others; each kind adds its `data`.

    `partition` and `position` say where in which order it was told; `generation` counts the sales of the seat it is
    about; `traceparent` (W3C) continues the trace of the request that caused it. Source: CloudEvents 1.0, JSON format.
    """

    # A factory, because CloudEvents demands the attribute and omit_defaults would leave a plain default out.
    specversion: Literal["1.0"] = field(default_factory=lambda: "1.0")
    id: Annotated[str, Meta(min_length=1)]
    source: Annotated[str, Meta(min_length=1)]
    subject: Annotated[str, Meta(min_length=1)]
    time: Timestamp
    partition: Partition
    position: PositionText | None = None
    generation: Annotated[int, Meta(ge=1, le=2**32 - 1)] | None = None
    traceparent: str | None = None
    data: Any
