"""Parked messages: stored with the reason for the failure, until redriven or discarded."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256

from contracts.codec import Header, read_header
from contracts.position import MalformedPosition, Position
from msgspec import Struct
from sqlalchemy import String, bindparam, delete, func, select
from sqlalchemy.dialects.mysql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from message_terminal import metrics
from message_terminal.tables import parked_message

_REASON_CHARACTERS_MAX = 2_000


class Refused(Struct, frozen=True, dict=True):
    """The bytes of a message, and the reason why it cannot be projected."""

    raw: bytes
    reason: str

    @cached_property
    def header(self) -> Header:
        """The header fields that can be read."""
        return read_header(self.raw)

    @cached_property
    def position(self) -> Position | None:
        """Its position in its partition; None if that cannot be read."""
        try:
            return Position.parse(self.header.position or "")
        except MalformedPosition:
            return None


class NotParked(LookupError):
    """No parked message has this id."""


class Parked(Struct, frozen=True, kw_only=True):
    """A row of the table of parked messages, without the message's bytes."""

    id: int
    model: str
    message_type: str | None
    partition_id: int | None
    epoch: int | None
    sequence: int | None
    reason: str
    first_parked_on: datetime
    last_parked_on: datetime
    times: int

    @property
    def position(self) -> str:
        """`<epoch>-<sequence>`, or a dash if it could not be read."""
        return "-" if self.epoch is None else f"{self.epoch}-{self.sequence}"


async def park(connection: AsyncConnection, model: str, refused: Sequence[Refused]) -> None:
    """Park messages in the caller's transaction; if parked already, a message is counted again."""
    if not refused:
        return
    # Bytes are sent as hexadecimal digits: aiomysql 0.3 with PyMySQL 1.2 fails on bytes.
    statement = insert(parked_message).values(
        fingerprint=func.unhex(bindparam("fingerprint_digits", type_=String)),
        body=func.unhex(bindparam("body_digits", type_=String)),
    )
    statement = statement.on_duplicate_key_update(
        reason=statement.inserted.reason,
        last_parked_on=statement.inserted.last_parked_on,
        times=parked_message.c.times + 1,
    )
    now = datetime.now(UTC).replace(tzinfo=None)
    await connection.execute(statement, [_row(model, message, now) for message in refused])
    metrics.messages_parked_total.labels(model).inc(len(refused))


async def parked(connection: AsyncConnection) -> list[Parked]:
    """Return all parked messages, the oldest first."""
    columns = [parked_message.c[name] for name in Parked.__struct_fields__]
    rows = await connection.execute(select(*columns).order_by(parked_message.c.id))
    return [Parked(**row._mapping) for row in rows]


async def find(connection: AsyncConnection, parked_id: int) -> tuple[Parked, bytes]:
    """Return a parked message and its bytes. Raises NotParked."""
    table = parked_message.c
    columns = [table[name] for name in Parked.__struct_fields__]
    row = (await connection.execute(select(*columns, table.body).where(table.id == parked_id))).one_or_none()
    if row is None:
        raise NotParked(parked_id)
    *fields, body = row
    return Parked(**dict(zip(Parked.__struct_fields__, fields, strict=True))), bytes(body)


async def discard(connection: AsyncConnection, parked_id: int) -> bool:
    """Delete a parked message; return False if there was none."""
    deleted = await connection.execute(delete(parked_message).where(parked_message.c.id == parked_id))
    return deleted.rowcount == 1


def _row(model: str, message: Refused, now: datetime) -> dict[str, object]:
    header, position = message.header, message.position
    return {
        "model": model,
        "fingerprint_digits": sha256(message.raw).hexdigest(),
        "message_type": header.type,
        "partition_id": header.partition,
        "epoch": position.epoch if position else None,
        "sequence": position.sequence if position else None,
        "reason": message.reason[:_REASON_CHARACTERS_MAX],
        "first_parked_on": now,
        "last_parked_on": now,
        "times": 1,
        "body_digits": message.raw.hex(),
    }
