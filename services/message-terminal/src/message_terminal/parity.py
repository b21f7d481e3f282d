"""Whether two brokers deliver the same, while purchase publishes to both."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256

from contracts.codec import read_header, split_batch
from contracts.position import Position
from msgspec import Struct

from message_terminal.brokers import Broker

EDGE_SECONDS = 2.0
"""At either end of the time: one of them may hear then what the other heard before, or will hear after."""

SECONDS_MIN, SECONDS_MAX = 3 * EDGE_SECONDS, 300.0


class Told(Struct, frozen=True):
    """What tells a message from others, and when it was heard: seconds since both were listened to."""

    digest: bytes
    at: float


Place = tuple[int, Position]
Heard = Mapping[Place, Told]
"""Messages by partition and position."""


class Parity(Struct, frozen=True):
    """How many messages were compared, and what is wrong with others, in words."""

    compared: int
    differences: list[str]


async def compare(one: Broker, other: Broker, seconds: float) -> Parity:
    """Listen to both for so long, and compare what they said. Raises StoreAway."""
    async with one.listening() as to_one, other.listening() as to_other:
        here, there = await asyncio.gather(_hear(to_one, seconds), _hear(to_other, seconds))
    expected = sorted(set(_in_the_middle(here, seconds)) | set(_in_the_middle(there, seconds)))
    differences = []
    for partition, position in expected:
        told = [heard.get((partition, position)) for heard in (here, there)]
        silent = [broker.name for broker, message in zip((one, other), told, strict=True) if message is None]
        where = f"partition {partition}, position {position}"
        if silent:
            differences.append(f"{where}: {silent[0]} did not tell of it")
        elif len({message.digest for message in told if message is not None}) > 1:
            differences.append(f"{where}: they told different things")
    return Parity(len(expected), differences)


def _in_the_middle(heard: Heard, seconds: float) -> Iterator[Place]:
    """What the other must have heard too."""
    return (place for place, told in heard.items() if EDGE_SECONDS <= told.at <= seconds - EDGE_SECONDS)


async def _hear(batches: AsyncIterator[bytes], seconds: float) -> Heard:
    heard: dict[Place, Told] = {}
    clock = asyncio.get_running_loop().time
    began = clock()
    with suppress(TimeoutError):
        async with asyncio.timeout_at(began + seconds):
            async for batch in batches:
                for raw in map(bytes, split_batch(batch)):
                    header = read_header(raw)
                    if header.partition is not None and header.position is not None:
                        place = header.partition, Position.parse(header.position)
                        heard[place] = Told(sha256(raw).digest(), clock() - began)
    return heard
