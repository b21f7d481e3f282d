"""A purchase process without HTTP: its partitions, inventory, holds and catalogue."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from purchase.catalogue.definitions import Definitions
from purchase.catalogue.ledger import CatalogueLedger
from purchase.catalogue.offers import Offers
from purchase.holds.desk import HoldDesk
from purchase.holds.ledger import HoldLedger
from purchase.install import install
from purchase.seats.inventory import Inventory
from purchase.settings import Settings
from purchase.store.clock import Clock
from purchase.store.connection import connect
from purchase.store.partitions import Partitions
from redis.asyncio import Redis

from tests.stage.builders import HOLD_MS, PARTITIONS, event, venue
from tests.stage.processes.purchase import NO_CATALOGUE, environment

OUTBOX_MAX = 100_000
HOLDS_PER_CUSTOMER = 2


class Seller:
    """One process, with its own memory of epochs and positions."""

    def __init__(self, redis: Redis, *, outbox_max: int = OUTBOX_MAX) -> None:
        self.redis = redis
        self.partitions = Partitions(redis, count=PARTITIONS, outbox_max=outbox_max)
        self.inventory = Inventory(redis, self.partitions)
        self.holds = HoldLedger(redis, self.partitions, holds_per_customer=HOLDS_PER_CUSTOMER)
        catalogue = CatalogueLedger(redis, self.partitions)
        offers = Offers(catalogue)
        self.hold_desk = HoldDesk(offers, self.holds, Clock(self.partitions), hold_seconds=HOLD_MS // 1_000)
        self.definitions = Definitions(catalogue, self.inventory)

    def another(self, *, outbox_max: int = OUTBOX_MAX) -> "Seller":
        """A fresh process over the same connections."""
        return Seller(self.redis, outbox_max=outbox_max)

    async def put_on_sale(self, *event_ids: str, **fields: Any) -> None:
        """Define a venue with these fields, and schedule these events there."""
        await self.definitions.define_venue(venue(**fields))
        for event_id in event_ids:
            await self.definitions.schedule(event(event_id=event_id))

    async def close(self) -> None:
        """Close the connections."""
        await self.redis.aclose()


async def prepare(url: str) -> None:
    """Install the partitions, without a catalogue."""
    await install(Settings.read(environment(url, PARTITIONS=str(PARTITIONS))), NO_CATALOGUE)


@asynccontextmanager
async def selling(url: str, *, outbox_max: int = OUTBOX_MAX) -> AsyncIterator[Seller]:
    """A process on a prepared Redis."""
    seller = Seller(connect(url), outbox_max=outbox_max)
    try:
        yield seller
    finally:
        await seller.close()
