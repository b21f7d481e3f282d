"""Being told to stop, also by a library that swallows the word."""

import asyncio


def is_cancelled() -> bool:
    """Asked in every turn: before Python 3.12 `asyncio.wait_for`, with which redis-py sends, may swallow it."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
