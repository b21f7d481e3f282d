"""Cases that need a person; each is stored until it is marked done (`python -m purchase.cases`)."""

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

STORED_MAX = "10000"
"""About how many cases a partition stores. Older ones are deleted; the log still has them."""

LISTED_MAX = "1000"
"""How many cases of one partition are listed at a time."""

Kind = Literal["refund", "dispute", "refund-refused", "unknown-payment", "notification", "rejection"]

log = logging.getLogger(__name__)


class Case(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem that no process may decide, and its facts; never a hold's id, nor a customer.

    refund, dispute: begun at the provider.
    refund-refused: we owe it, and the provider refuses for good.
    unknown-payment: we began it, and the provider no longer knows it.
    notification, rejection: received, and could not be handled.
    """

    kind: Kind
    why: str
    payment_id: str | None = None
    ticket_id: UUID | None = None
    amount_cents: int | None = None
    currency: str | None = None


class OpenCase(Struct, frozen=True):
    """A case that nobody has marked done yet."""

    partition: int
    entry: str
    case: Case

    @property
    def id(self) -> str:
        return f"{self.partition}:{self.entry}"

    @property
    def opened_at(self) -> str:
        """RFC 3339, UTC."""
        milliseconds, _, _ = self.entry.partition("-")
        return encode_timestamp(datetime.fromtimestamp(int(milliseconds) / 1_000, UTC))


class Cases:
    """The cases of all partitions.

    Every call raises Recovering when Redis is unavailable, Overloaded when it is full.
    """

    def __init__(self, partitions: Partitions) -> None:
        self._partitions = partitions

    async def open(self, partition: int, case: Case) -> None:
        """Open a case, at least once. Any `partition` will do: it is taken modulo the count."""
        log.error("manual action needed", extra=msgspec.to_builtins(case))
        key = keys.cases(partition % self._partitions.count)
        await self._partitions.ask("XADD", key, "MAXLEN", "~", STORED_MAX, "*", "matter", msgspec.json.encode(case))
        metrics.cases_opened.labels(case.kind).inc()

    async def list_open(self) -> list[OpenCase]:
        """Return the open cases, the oldest first."""
        cases = []
        for partition in range(self._partitions.count):
            entries = await self._partitions.ask("XRANGE", keys.cases(partition), "-", "+", "COUNT", LISTED_MAX)
            cases += [OpenCase(partition, entry.decode(), _decode(fields[b"matter"])) for entry, fields in entries]
        return sorted(cases, key=lambda case: case.opened_at)

    async def close(self, partition: int, entry: str) -> bool:
        """Delete a case that is done; return whether it was open."""
        return bool(await self._partitions.ask("XDEL", keys.cases(partition), entry))


_decode = msgspec.json.Decoder(Case).decode
