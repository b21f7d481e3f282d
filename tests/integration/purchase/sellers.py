"""A purchase process without its HTTP: what it knows of the outboxes, the seats and the catalogue."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from purchase.catalog import Catalog
from purchase.clock import Clock
from purchase.definitions import Definitions
from purchase.hold_desk import HoldDesk
from purchase.hold_ledger import HoldLedger
from purchase.install import install
from purchase.inventory import Inventory
from purchase.outbox import Outbox, connect
from purchase.settings import Settings
from redis.asyncio import Redis

from tests.integration.purchase.builders import HOLD_MS, PARTITIONS, event, venue
from tests.integration.purchase.serving import NO_CATALOG, environment

OUTBOX_MAX = 100_000
HOLDS_PER_CUSTOMER = 2


class Seller:
    """One process; another on the same Redis has seen other things."""

    def __init__(self, redis: Redis, *, outbox_max: int = OUTBOX_MAX) -> None:
        self.redis = redis
        self.outbox = Outbox(redis, partitions=PARTITIONS, outbox_max=outbox_max)
        self.inventory = Inventory(redis, self.outbox)
        self.holds = HoldLedger(redis, self.outbox, holds_per_customer=HOLDS_PER_CUSTOMER)
        catalog = Catalog(self.outbox)
        self.hold_desk = HoldDesk(catalog, self.holds, Clock(self.outbox), hold_seconds=HOLD_MS // 1_000)
        self.definitions = Definitions(redis, self.outbox, catalog)

    def another(self, *, outbox_max: int = OUTBOX_MAX) -> "Seller":
        """A process that was just started, over the same connections."""
        return Seller(self.redis, outbox_max=outbox_max)

    async def put_on_sale(self, *event_ids: str, **fields: Any) -> None:
        """Define a venue of these fields, and these events there."""
        await self.definitions.define_venue(venue(**fields))
        for event_id in event_ids:
            await self.definitions.schedule(event(event_id=event_id))

    async def leave(self) -> None:
        """Close the connections."""
        await self.redis.aclose()


async def prepare(url: str) -> None:
    """Install the partitions and no catalogue."""
    await install(Settings.read(environment(url, PARTITIONS=str(PARTITIONS))), NO_CATALOG)


@asynccontextmanager
async def selling(url: str, *, outbox_max: int = OUTBOX_MAX) -> AsyncIterator[Seller]:
    """A process on a Redis that was prepared."""
    seller = Seller(connect(url), outbox_max=outbox_max)
    try:
        yield seller
    finally:
        await seller.leave()
