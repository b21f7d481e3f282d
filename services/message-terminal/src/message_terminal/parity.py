"""Compares the messages of two brokers while purchase publishes to both."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256

from contracts.codec import read_header, split_batch
from contracts.position import Position
from msgspec import Struct

from message_terminal.brokers import Broker

EDGE_SECONDS = 2.0
"""Margin at both ends of the period. One broker may deliver a message just outside the period that
the other delivers within it."""

SECONDS_MIN, SECONDS_MAX = 3 * EDGE_SECONDS, 300.0


class Observation(Struct, frozen=True):
    """A message's digest, and its arrival in seconds since the comparison began."""

    digest: bytes
    at: float


Place = tuple[int, Position]
Observations = Mapping[Place, Observation]
"""Messages by partition and position."""


class Parity(Struct, frozen=True):
    """The number of messages compared, and a description of each difference."""

    compared: int
    differences: list[str]


async def compare(first: Broker, second: Broker, seconds: float) -> Parity:
    """Listen to both brokers for so long and compare their messages. Raises StoreUnavailable."""
    async with first.listening() as of_first, second.listening() as of_second:
        observed = await asyncio.gather(_observe(of_first, seconds), _observe(of_second, seconds))
    expected = sorted({place for observations in observed for place in _within_margins(observations, seconds)})
    differences = []
    for partition, position in expected:
        both = [observations.get((partition, position)) for observations in observed]
        lacking = [broker.name for broker, message in zip((first, second), both, strict=True) if message is None]
        where = f"partition {partition}, position {position}"
        if lacking:
            differences.append(f"{where}: missing at {lacking[0]}")
        elif len({message.digest for message in both if message is not None}) > 1:
            differences.append(f"{where}: the content differs")
    return Parity(len(expected), differences)


def _within_margins(observations: Observations, seconds: float) -> Iterator[Place]:
    """The messages that the other broker must have delivered within the period, too."""
    return (
        place for place, observation in observations.items() if EDGE_SECONDS <= observation.at <= seconds - EDGE_SECONDS
    )


async def _observe(batches: AsyncIterator[bytes], seconds: float) -> Observations:
    observations: dict[Place, Observation] = {}
    clock = asyncio.get_running_loop().time
    began = clock()
    with suppress(TimeoutError):
        async with asyncio.timeout_at(began + seconds):
            async for batch in batches:
                for raw in map(bytes, split_batch(batch)):
                    header = read_header(raw)
                    if header.partition is not None and header.position is not None:
                        place = header.partition, Position.parse(header.position)
                        observations[place] = Observation(sha256(raw).digest(), clock() - began)
    return observations
