"""The venues and events that are on sale, kept in Redis and in every process's memory."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import date, datetime
from typing import Any, TypeVar

import msgspec
from contracts.catalogue import Scheduled, Venue as DefinedVenue, Zone
from contracts.timestamp import encode_timestamp
from msgspec import Struct

from purchase.store import keys
from purchase.store.partitions import Partitions

FRESH_SECONDS = 1.0
"""How old the check may be on which a refusal is told."""

REMEMBERED_MAX = 10_000
"""Events kept in memory; beyond, those that were asked for longest ago are read again when wanted."""

T = TypeVar("T")


class Venue(Struct, frozen=True, kw_only=True):
    """A place with its zones, as it is kept."""

    venue_id: str
    name: str | None
    city: str | None
    currency: str
    zones: tuple[Zone, ...]

    def told(self) -> DefinedVenue:
        """The venue as messages tell it."""
        return DefinedVenue(
            venue_id=self.venue_id, name=self.name, city=self.city, currency=self.currency, zones=list(self.zones)
        )


class Event(Struct, frozen=True, kw_only=True):
    """A show with the zones it is sold in, as it is kept; between the two moments, where given."""

    event_id: str
    venue_id: str
    name: str
    type: str
    date: date
    currency: str
    zones: tuple[Zone, ...]
    sales_open_at: datetime | None = None
    sales_close_at: datetime | None = None
    max_seats_per_customer: int | None = None

    def told(self) -> Scheduled:
        """The event as messages tell it."""
        return Scheduled(
            event_id=self.event_id,
            venue_id=self.venue_id,
            name=self.name,
            type=self.type,
            date=self.date,
            currency=self.currency,
            zones=list(self.zones),
            sales_open_at=encode_timestamp(self.sales_open_at) if self.sales_open_at else None,
            sales_close_at=encode_timestamp(self.sales_close_at) if self.sales_close_at else None,
            max_seats_per_customer=self.max_seats_per_customer,
        )


class Offer(Struct, frozen=True, kw_only=True):
    """What one version of an event offers, ready to be judged by; `checked_at` is monotonic seconds."""

    event: Event
    version: int
    zones: dict[int, Zone]
    checked_at: float


class Offers:
    """Every event's current offer; the scripts refuse an order that was judged by an older one."""

    def __init__(self, partitions: Partitions) -> None:
        self._partitions = partitions
        self._offers: dict[str, Offer] = {}
        self._shared = SharedReads()

    def partition_of(self, name: str) -> int:
        """Home of an event or a venue."""
        return keys.partition_of(name, self._partitions.count)

    def known(self, event_id: str) -> Offer | None:
        """The offer in memory, which may be old: a sale judged by it is checked by the script."""
        return self._offers.get(event_id)

    async def checked(self, event_id: str) -> Offer | None:
        """The offer as of at most a second ago; None when there is no such event. Raises Recovering."""
        offer = self._offers.get(event_id)
        if offer is not None and time.monotonic() - offer.checked_at < FRESH_SECONDS:
            return offer
        return await self.reloaded(event_id)

    async def reloaded(self, event_id: str) -> Offer | None:
        """The offer as of now, read once for all who ask at the same time. Raises Recovering."""
        return await self._shared.read(event_id, lambda: self._reload(event_id))

    async def _reload(self, event_id: str) -> Offer | None:
        checked_at = time.monotonic()
        home = self.partition_of(event_id)
        key = keys.event(home, event_id)
        version, definition = await self._partitions.ask("HMGET", key, "version", "definition")
        self._offers.pop(event_id, None)
        if definition is None:
            await self._partitions.confirm(home)
            return None
        event = decode_event(definition)
        zones = {zone.zone_id: zone for zone in event.zones}
        offer = Offer(event=event, version=int(version), zones=zones, checked_at=checked_at)
        self._offers[event_id] = offer
        if len(self._offers) > REMEMBERED_MAX:
            del self._offers[next(iter(self._offers))]
        return offer


class SharedReads:
    """One read under way for each name, shared by all who ask for it meanwhile."""

    def __init__(self) -> None:
        self._reads: dict[str, asyncio.Task[Any]] = {}

    async def read(self, name: str, start: Callable[[], Awaitable[T]]) -> T:
        """What the read under way, or a new one, answers."""
        task = self._reads.get(name)
        if task is None:
            task = asyncio.ensure_future(start())
            self._reads[name] = task
            task.add_done_callback(lambda _: self._reads.pop(name, None))
        result: T = await asyncio.shield(task)
        return result


encode_definition = msgspec.json.encode
decode_event = msgspec.json.Decoder(Event).decode
decode_venue = msgspec.json.Decoder(Venue).decode
