"""Detects cancellation even where a library has swallowed `CancelledError` (before Python 3.12)."""

import asyncio


def is_cancelled() -> bool:
    """Return whether the current task was cancelled. Every loop checks it in each turn.

    redis-py sends with `asyncio.wait_for`, which may swallow the exception before Python 3.12.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
