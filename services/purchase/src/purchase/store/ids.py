"""Ids that carry their partition."""

import secrets
import time
from uuid import UUID


def mint_id(partition: int) -> UUID:
    """Create a UUIDv7 whose 12 bits after the version carry the partition.

    Snowflake ids carry their shard in the same way.
    """
    milliseconds = time.time_ns() // 1_000_000
    return UUID(int=milliseconds << 80 | 0x7 << 76 | partition << 64 | 0b10 << 62 | secrets.randbits(62))


def partition_in(minted: UUID) -> int | None:
    """Return the partition that an id carries; None for an id that `mint_id` did not create."""
    return partition_bits(minted) if minted.version == 7 else None


def partition_bits(minted: UUID) -> int:
    """Return the partition that an id of `mint_id` carries."""
    return (minted.int >> 64) & 0xFFF
