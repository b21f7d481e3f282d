"""The one way a moment is written: UTC, RFC 3339, six decimals. It travels as text, so its bytes never change."""

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta

from contracts.text import whole

Timestamp = Annotated[
    str,
    Meta(
        pattern=whole(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z"),
        description="UTC, RFC 3339, six decimals.",
        extra_json_schema={"format": "date-time"},
    ),
]


def encode_timestamp(moment: datetime) -> str:
    """Write an aware moment as `2030-01-01T19:30:00.000000Z`."""
    assert moment.tzinfo is not None, "without a zone it would be taken for this machine's"
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def decode_timestamp(text: str) -> datetime:
    """Read what `encode_timestamp` wrote. Raises ValueError for a day or hour that does not exist."""
    return datetime.fromisoformat(text)
