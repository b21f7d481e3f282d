"""Ids that carry their partition."""

import secrets
import time
from uuid import UUID


def mint_id(partition: int) -> UUID:
    """A UUIDv7 whose 12 bits after the version carry the partition, as Snowflake ids carry their shard."""
    milliseconds = time.time_ns() // 1_000_000
    return UUID(int=milliseconds << 80 | 0x7 << 76 | partition << 64 | 0b10 << 62 | secrets.randbits(62))


def partition_in(minted: UUID) -> int | None:
    """The partition that an id of ours carries; None for an id that we did not mint."""
    return partition_bits(minted) if minted.version == 7 else None


def partition_bits(minted: UUID) -> int:
    """The partition that an id of ours carries."""
    return (minted.int >> 64) & 0xFFF
