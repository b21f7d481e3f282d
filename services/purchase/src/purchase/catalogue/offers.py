"""The events on sale, in every process's memory: an order is judged without asking Redis."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from contracts.catalogue import Zone
from msgspec import Struct

from purchase.catalogue.event import Event
from purchase.catalogue.ledger import CatalogueLedger

FRESH_SECONDS = 1.0
"""How old the offer may be on which a refusal is based."""

REMEMBERED_MAX = 10_000
"""Events in memory; when there are more, the one that was loaded longest ago is dropped."""

T = TypeVar("T")


class Offer(Struct, frozen=True, kw_only=True):
    """One version of an event, ready to judge orders by; `checked_at` is in monotonic seconds."""

    event: Event
    version: int
    zones: dict[int, Zone]
    checked_at: float


class Offers:
    """Every event's current offer; the scripts refuse an order that was judged by an older one."""

    def __init__(self, ledger: CatalogueLedger) -> None:
        self._ledger = ledger
        self._offers: dict[str, Offer] = {}
        self._shared = SharedReads()

    def partition_of(self, name: str) -> int:
        """Return the partition of an event or a venue."""
        return self._ledger.partition_of(name)

    def known(self, event_id: str) -> Offer | None:
        """Return the offer in memory; it may be old, so the script checks its version."""
        return self._offers.get(event_id)

    async def checked(self, event_id: str) -> Offer | None:
        """Return an offer that is at most a second old, None for an unknown event.

        Raises Recovering.
        """
        offer = self._offers.get(event_id)
        if offer is not None and time.monotonic() - offer.checked_at < FRESH_SECONDS:
            return offer
        return await self.reloaded(event_id)

    async def reloaded(self, event_id: str) -> Offer | None:
        """Return the offer as of now; concurrent callers share one read. Raises Recovering."""
        return await self._shared.read(event_id, lambda: self._reload(event_id))

    async def _reload(self, event_id: str) -> Offer | None:
        checked_at = time.monotonic()
        stored = await self._ledger.read_event(event_id)
        self._offers.pop(event_id, None)
        if stored.event is None:
            await self._ledger.confirm_absence(event_id)
            return None
        zones = {zone.zone_id: zone for zone in stored.event.zones}
        offer = Offer(event=stored.event, version=stored.version, zones=zones, checked_at=checked_at)
        self._offers[event_id] = offer
        if len(self._offers) > REMEMBERED_MAX:
            del self._offers[next(iter(self._offers))]
        return offer


class SharedReads:
    """Reads under way, by name: concurrent callers of the same name share one."""

    def __init__(self) -> None:
        self._reads: dict[str, asyncio.Task[Any]] = {}

    async def read(self, name: str, start: Callable[[], Awaitable[T]]) -> T:
        """Return the result of the read under way, or start one."""
        task = self._reads.get(name)
        if task is None:
            task = asyncio.ensure_future(start())
            self._reads[name] = task
            task.add_done_callback(lambda _: self._reads.pop(name, None))
        result: T = await asyncio.shield(task)
        return result
