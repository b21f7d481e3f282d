"""Idempotency keys: the same key with the same body gets the same answer for a day."""

from typing import Literal

from contracts.position import Position
from msgspec import Struct
from redis.asyncio import Redis

from purchase.refusals import KeyReused
from purchase.store import keys
from purchase.store.partitions import Partitions
from purchase.store.scripts import load

REMEMBERED_SECONDS = 24 * 60 * 60
"""How long an idempotency key is stored."""

KEY_REUSED = KeyReused("This Idempotency-Key was used with another body.")
"""The refusal of a key that came with another body; it is returned, never raised."""


class IdempotencyKey(Struct, frozen=True):
    """Digest of the client's key and its call, and the 16-byte fingerprint of the body."""

    digest: str
    fingerprint: bytes

    @property
    def mark(self) -> bytes:
        """Fingerprint and digest.

        Stored on a hold whose payment was begun with this key, so that reuse with another body is
        detected before the first answer is known.
        """
        return self.fingerprint + self.digest.encode()

    def is_reused(self, mark: bytes | None) -> bool:
        """Return whether the mark is of the same key with another body."""
        return mark is not None and mark != self.mark and mark[len(self.fingerprint) :] == self.digest.encode()


class KeyMemory:
    """The idempotency keys of all partitions; scripts write them along with their commands."""

    def __init__(self, redis: Redis, partitions: Partitions) -> None:
        self._partitions = partitions
        self._recall = load(redis, "recall")

    async def recall(
        self, partition: int, key: IdempotencyKey
    ) -> tuple[bytes, Position] | Literal["KEY_REUSED"] | None:
        """Return the value stored with a key, and the partition's last position.

        None for an unknown key.

        Raises Recovering, Overloaded, OutcomeUnknown.
        """
        name = keys.idempotency(partition, key.digest)
        last, answer = await self._partitions.run(self._recall, partition, [name], key.fingerprint)
        match answer:
            case [b"REPLAYED", stored]:
                return stored, last
            case [b"KEY_REUSED"]:
                return "KEY_REUSED"
        return None
