"""What a hold leaves behind: in Redis, in the provider's books, and in what the others are told."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from purchase.store import keys
from purchase.store.ids import partition_bits

from tests.stage.http_client import Json, Show
from tests.stage.redis_state import Ledger
from tests.stage.sandboxes import Sandbox


def payment_of(sandbox: Sandbox, hold: Json) -> Json:
    """The last payment for this hold, as the provider's books have it."""
    return _entries(sandbox, hold)[-1]


def payments_of(sandbox: Sandbox, hold: Json) -> list[str]:
    """The status of each payment for this hold."""
    return [entry["status"] for entry in _entries(sandbox, hold)]


def state_of(ledger: Ledger, hold: Json) -> bytes:
    return _record(ledger, hold)[b"state"]


@contextmanager
def left_alone(ledger: Ledger, hold: Json) -> Iterator[None]:
    """Nothing happens to this hold; others of the file may be settled meanwhile."""
    before = _record(ledger, hold)
    yield
    assert _record(ledger, hold) == before


def told_of_seats(ledger: Ledger, show: Show, kind: type) -> list[Any]:
    """What was told of the seats of this show, one kind of messages."""
    told: list[Any] = [message for message in ledger.messages() if isinstance(message, kind)]
    return [message for message in told if message.data.event_id == show.event_id]


def _entries(sandbox: Sandbox, hold: Json) -> list[Json]:
    entries = sandbox.books()["payment_intents"]
    return [entry for entry in entries if entry["metadata"]["hold"] == hold["holdId"]]


def _record(ledger: Ledger, hold: Json) -> dict[bytes, bytes]:
    """The hold as it is kept; empty where it is not."""
    hold_id = UUID(hold["holdId"])
    kept: dict[bytes, bytes] = ledger.redis.hgetall(keys.hold(partition_bits(hold_id), hold_id.bytes))
    return kept
