"""The deadline that all calls of a command to the provider share."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

COMMAND_SECONDS = 6.0
"""With the 3 s that Redis may take afterwards, it is shorter than the timeout of the gateway."""

_ends = ContextVar("_ends", default=math.inf)
"""The deadline, by `time.monotonic()`; background tasks, for which nobody waits, have none."""


@contextmanager
def shared(seconds: float = COMMAND_SECONDS) -> Iterator[None]:
    """Give all calls to the provider in this context one deadline."""
    token = _ends.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends.reset(token)


def seconds_left() -> float:
    """Return the time until the deadline; negative after it."""
    return _ends.get() - time.monotonic()
