"""What only a person can settle: it is kept until somebody says that it is (`matters.py`)."""

import logging
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

import msgspec
from contracts.timestamp import encode_timestamp
from msgspec import Struct

from purchase import metrics
from purchase.store import keys
from purchase.store.partitions import Partitions

KEPT_MAX = "10000"
"""About how many matters a partition keeps; beyond, it forgets the oldest, of which the log still tells."""

TOLD_MAX = "1000"
"""How many matters of one partition are told at a time."""

Kind = Literal["refund", "dispute", "refund-refused", "unknown-payment", "notification", "rejection"]

log = logging.getLogger(__name__)


class Matter(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came up, and what is known of it; never a hold's id, nor a customer.

    refund, dispute: begun at the provider. refund-refused: owed by us, and the provider will not give it.
    unknown-payment: begun by us, and the provider does not know it any more.
    notification, rejection: told to us, and could not be handled.
    """

    kind: Kind
    why: str
    payment_id: str | None = None
    ticket_id: UUID | None = None
    amount_cents: int | None = None
    currency: str | None = None


class Raised(Struct, frozen=True):
    """A matter that nobody has settled yet."""

    partition: int
    entry: str
    matter: Matter

    @property
    def id(self) -> str:
        return f"{self.partition}:{self.entry}"

    @property
    def at(self) -> str:
        """When it came up: RFC 3339, UTC."""
        milliseconds, _, _ = self.entry.partition("-")
        return encode_timestamp(datetime.fromtimestamp(int(milliseconds) / 1_000, UTC))


class Attention:
    """The matters of all partitions. Every call raises Recovering when Redis is away, Overloaded when it is full."""

    def __init__(self, partitions: Partitions) -> None:
        self._partitions = partitions

    async def ask_for(self, partition: int, matter: Matter) -> None:
        """Put a matter before a person, at least once; it is kept with those of a partition, of which any will do."""
        log.error("a person is needed", extra=msgspec.to_builtins(matter))
        key = keys.attention(partition % self._partitions.count)
        await self._partitions.ask("XADD", key, "MAXLEN", "~", KEPT_MAX, "*", "matter", msgspec.json.encode(matter))
        metrics.matters.labels(matter.kind).inc()

    async def waiting(self) -> list[Raised]:
        """What nobody has settled yet, the oldest first."""
        raised = []
        for partition in range(self._partitions.count):
            entries = await self._partitions.ask("XRANGE", keys.attention(partition), "-", "+", "COUNT", TOLD_MAX)
            raised += [Raised(partition, entry.decode(), _decode(fields[b"matter"])) for entry, fields in entries]
        return sorted(raised, key=lambda one: one.at)

    async def settle(self, partition: int, entry: str) -> bool:
        """Forget a matter; whether it was there."""
        return bool(await self._partitions.ask("XDEL", keys.attention(partition), entry))


_decode = msgspec.json.Decoder(Matter).decode
