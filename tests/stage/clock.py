"""Simulates passing time by moving stored deadlines nearer; Redis's clock is untouched."""

import struct
from typing import Any

from tests.stage.http_client import EventOnSale
from tests.stage.redis_state import RedisState, partition_of

_DEADLINE = struct.Struct(">Q")


def pass_time(client: Any, partition: int, *, ms: int) -> None:
    """Move the deadlines of every hold of a partition nearer."""
    for name in client.scan_iter(match=f"{{{partition}}}:*", count=1_000):
        match name.decode().split(":")[1]:
            case "row":
                _pass_in_row(client, name, ms)
            case "hold":
                client.hincrby(name, "deadline", -ms)
                if client.hexists(name, "cap"):
                    client.hincrby(name, "cap", -ms)
            case "held" | "due":
                for member in client.zrange(name, 0, -1):
                    client.zincrby(name, -ms, member)


def pass_time_of_event(redis_state: RedisState, event: EventOnSale, ms: int) -> None:
    """Move the deadlines of every hold of this event's partition nearer."""
    pass_time(redis_state.redis, partition_of(event.event_id), ms=ms)


def _pass_in_row(client: Any, name: bytes, ms: int) -> None:
    for column, seat in client.hgetall(name).items():
        if seat.startswith(b"H") and (deadline := _DEADLINE.unpack(seat[21:])[0]):
            client.hset(name, column, seat[:21] + _DEADLINE.pack(deadline - ms))
