"""What a hold leaves behind: in Redis, in the provider's books, and in what the others are told."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from purchase.store import keys
from purchase.store.ids import partition_bits

from tests.stage.http_client import EventOnSale, Json
from tests.stage.redis_state import RedisState
from tests.stage.sandboxes import Sandbox


def payment_of(sandbox: Sandbox, hold: Json) -> Json:
    """The last payment for this hold, as the provider's books have it."""
    return _entries(sandbox, hold)[-1]


def payments_of(sandbox: Sandbox, hold: Json) -> list[str]:
    """The status of each payment for this hold."""
    return [entry["status"] for entry in _entries(sandbox, hold)]


def state_of(redis_state: RedisState, hold: Json) -> bytes:
    return _record(redis_state, hold)[b"state"]


@contextmanager
def unchanged_hold(redis_state: RedisState, hold: Json) -> Iterator[None]:
    """Assert that nothing happens to this hold; the process may settle others meanwhile."""
    before = _record(redis_state, hold)
    yield
    assert _record(redis_state, hold) == before


def seat_messages(redis_state: RedisState, event: EventOnSale, kind: type) -> list[Any]:
    """The messages of one kind about the seats of this event."""
    told: list[Any] = [message for message in redis_state.messages() if isinstance(message, kind)]
    return [message for message in told if message.data.event_id == event.event_id]


def _entries(sandbox: Sandbox, hold: Json) -> list[Json]:
    entries = sandbox.books()["payment_intents"]
    return [entry for entry in entries if entry["metadata"]["hold"] == hold["holdId"]]


def _record(redis_state: RedisState, hold: Json) -> dict[bytes, bytes]:
    """The hold as it is kept; empty where it is not."""
    hold_id = UUID(hold["holdId"])
    kept: dict[bytes, bytes] = redis_state.redis.hgetall(keys.hold(partition_bits(hold_id), hold_id.bytes))
    return kept
