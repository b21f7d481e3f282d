"""The records of a hold: in Redis, in the provider's books, and in messages."""

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
    """Return the last payment for this hold from the provider's books."""
    return _entries(sandbox, hold)[-1]


def payments_of(sandbox: Sandbox, hold: Json) -> list[str]:
    """Return the status of each payment for this hold."""
    return [entry["status"] for entry in _entries(sandbox, hold)]


def state_of(redis_state: RedisState, hold: Json) -> bytes:
    return _record(redis_state, hold)[b"state"]


@contextmanager
def unchanged_hold(redis_state: RedisState, hold: Json) -> Iterator[None]:
    """Assert that this hold does not change; the process may finish other holds meanwhile."""
    before = _record(redis_state, hold)
    yield
    assert _record(redis_state, hold) == before


def seat_messages(redis_state: RedisState, event: EventOnSale, kind: type) -> list[Any]:
    """Return the messages of one kind about the seats of this event."""
    messages: list[Any] = [message for message in redis_state.messages() if isinstance(message, kind)]
    return [message for message in messages if message.data.event_id == event.event_id]


def _entries(sandbox: Sandbox, hold: Json) -> list[Json]:
    entries = sandbox.books()["payment_intents"]
    return [entry for entry in entries if entry["metadata"]["hold"] == hold["holdId"]]


def _record(redis_state: RedisState, hold: Json) -> dict[bytes, bytes]:
    """Return the stored fields of the hold; none where it is not stored."""
    hold_id = UUID(hold["holdId"])
    fields: dict[bytes, bytes] = redis_state.redis.hgetall(keys.hold(partition_bits(hold_id), hold_id.bytes))
    return fields
