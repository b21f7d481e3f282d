"""The size of random explorations: HYPOTHESIS_PROFILE is quick, default or long.

quick    at most 5 examples each, the same every time
default  as many as the test says, the same every time
long     ten times as many, different every time: for a nightly run, which prints how to
         repeat an example that fails
"""

import os
from typing import Any

from hypothesis import settings

EXAMPLES = 100
QUICK_EXAMPLES = 5
LONG_FACTOR = 10

PROFILE = os.environ.get("HYPOTHESIS_PROFILE") or "default"


def exploration(examples: int, **options: Any) -> settings:
    """Return the settings of an exploration of so many examples in the default profile.

    No example has a deadline, because a machine may be busy. Raises ValueError when
    HYPOTHESIS_PROFILE is no profile.
    """
    match PROFILE:
        case "quick":
            return _repeatable(min(examples, QUICK_EXAMPLES), options)
        case "default":
            return _repeatable(examples, options)
        case "long":
            return settings(max_examples=LONG_FACTOR * examples, deadline=None, print_blob=True, **options)
    raise ValueError(f"HYPOTHESIS_PROFILE is {PROFILE!r}: it must be quick, default or long")


def _repeatable(examples: int, options: dict[str, Any]) -> settings:
    return settings(max_examples=examples, deadline=None, derandomize=True, database=None, **options)


def load_profile() -> None:
    """Apply the profile to the tests that do not set a size of their own."""
    settings.register_profile("chosen", exploration(EXAMPLES))
    settings.load_profile("chosen")
