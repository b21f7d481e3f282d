"""The deadline of a command: its calls to the provider share it, however many they are."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

COMMAND_SECONDS = 6.0
"""With the 3 s that Redis may take afterwards it is less than the gateway waits for an answer."""

_ends = ContextVar("_ends", default=math.inf)
"""The moment, of `time.monotonic()`; whatever is done for nobody who waits has none."""


@contextmanager
def shared(seconds: float = COMMAND_SECONDS) -> Iterator[None]:
    """What is asked of the provider in here is answered or given up within so many seconds, all of it together."""
    token = _ends.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends.reset(token)


def seconds_left() -> float:
    """How long the provider may still be asked; negative when that is over."""
    return _ends.get() - time.monotonic()
