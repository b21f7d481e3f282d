"""An event on sale, and the outbox from which relays publish its messages."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from contracts.position import Position
from purchase.store import keys
from redis import Redis

from tests.stage.builders import PARTITIONS, order, zone
from tests.stage.partition_state import StoredMessage, read
from tests.stage.sellers import Seller, prepare, selling

PARTITION = keys.partition_of("Gala", PARTITIONS)
OUTBOX = keys.outbox(PARTITION)
LARGE = zone(row_count=40, col_count=30)


class OutboxScenario:
    """The event, with a process that sells it."""

    def __init__(self, seller: Seller, client: Any) -> None:
        self.seller = seller
        self.client = client

    async def sell(self, count: int, *, row: int = 1) -> None:
        """Sell so many seats; their messages are side by side in the outbox."""
        places = [(row + number // LARGE.col_count, number % LARGE.col_count + 1) for number in range(count)]
        orders = [order(row=place, column=column) for place, column in places]
        await asyncio.gather(*(self.seller.inventory.sell(wanted) for wanted in orders))

    def waiting(self) -> list[StoredMessage]:
        """Return the messages that are not published, or not confirmed."""
        return read(self.client, PARTITION).messages

    def waiting_positions(self) -> list[Position]:
        return [one.position for one in self.waiting()]

    def empty_outbox(self) -> None:
        """Delete all unpublished messages."""
        self.client.xtrim(OUTBOX, maxlen=0, approximate=False)

    def add(self, size: int) -> None:
        """Add a message of this size to the outbox."""
        message = b'{"data":"%b"}' % (b"x" * (size - 11))
        self.client.xadd(OUTBOX, {"message": message, "generation": ""}, id="1-*", nomkstream=True)


@asynccontextmanager
async def outbox_scenario(redis_url: str) -> AsyncIterator[OutboxScenario]:
    """A scenario with one unpublished message, about the event, in all partitions together."""
    await prepare(redis_url)
    async with selling(redis_url) as seller:
        with Redis.from_url(redis_url) as client:
            await seller.put_on_sale("Gala", zones=(LARGE,))
            client.xtrim(keys.outbox(keys.partition_of("Arena", PARTITIONS)), maxlen=0, approximate=False)
            yield OutboxScenario(seller, client)


def positions(first: int, last: int) -> list[Position]:
    """Return the positions of epoch 1 from one number to another, both included."""
    return [Position(1, sequence) for sequence in range(first, last + 1)]
