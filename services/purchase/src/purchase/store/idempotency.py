"""What the client's keys are remembered for: the same key with the same body gives the same answer for a day."""

from typing import Literal

from contracts.position import Position
from msgspec import Struct
from redis.asyncio import Redis

from purchase.refusals import KeyReused
from purchase.store import keys
from purchase.store.partitions import Partitions
from purchase.store.scripts import load

REMEMBERED_SECONDS = 24 * 60 * 60
"""How long an idempotency key is remembered."""

KEY_REUSED = KeyReused("This Idempotency-Key was used with another body.")
"""The refusal of such a key: answered, never raised."""


class IdempotencyKey(Struct, frozen=True):
    """Digest of the client's key and its call, and the 16-byte fingerprint of the body it came with."""

    digest: str
    fingerprint: bytes

    @property
    def mark(self) -> bytes:
        """What it leaves on something that it begins and that is not answered yet: fingerprint and digest."""
        return self.fingerprint + self.digest.encode()

    def is_reused(self, mark: bytes | None) -> bool:
        """Whether what bears this mark was begun with the same key and another body."""
        return mark is not None and mark != self.mark and mark[len(self.fingerprint) :] == self.digest.encode()


class KeyMemory:
    """The keys of all partitions; the scripts that sell, hold and note payments write them."""

    def __init__(self, redis: Redis, partitions: Partitions) -> None:
        self._partitions = partitions
        self._recall = load(redis, "recall")

    async def recall(
        self, partition: int, key: IdempotencyKey
    ) -> tuple[bytes, Position] | Literal["KEY_REUSED"] | None:
        """What this key is remembered for, and the partition's last position; None when for nothing.

        Raises Recovering, Overloaded, OutcomeUnknown.
        """
        name = keys.idempotency(partition, key.digest)
        last, answer = await self._partitions.run(self._recall, partition, [name], key.fingerprint)
        match answer:
            case [b"REPLAYED", got]:
                return got, last
            case [b"KEY_REUSED"]:
                return "KEY_REUSED"
        return None
