"""The only format of a time: UTC, RFC 3339, six decimals; sent as text, so its bytes are stable."""

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
    """Format an aware datetime as `2030-01-01T19:30:00.000000Z`."""
    assert moment.tzinfo is not None, "a datetime without a zone would be read in this machine's zone"
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def decode_timestamp(text: str) -> datetime:
    """Parse the output of `encode_timestamp`.

    Raises ValueError for a day or hour that does not exist.
    """
    return datetime.fromisoformat(text)
