"""Moments in microseconds, and as text."""

import time
from datetime import UTC, datetime, timedelta

from contracts.timestamp import encode_timestamp

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now_us() -> int:
    """Return the current time in microseconds since 1970."""
    return time.time_ns() // 1_000


def timestamp_of(us: int) -> str:
    """Format microseconds since 1970 as RFC 3339 text; integers throughout, a float would round."""
    return encode_timestamp(_EPOCH + timedelta(microseconds=us))
