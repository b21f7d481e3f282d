"""Venues and events, as Redis stores them."""

from datetime import date, datetime

import msgspec
from contracts.catalogue import Scheduled, Venue as DefinedVenue, Zone
from contracts.timestamp import encode_timestamp
from msgspec import Struct


class Venue(Struct, frozen=True, kw_only=True):
    """A place with its zones."""

    venue_id: str
    name: str | None
    city: str | None
    currency: str
    zones: tuple[Zone, ...]

    def as_data(self) -> DefinedVenue:
        """Return the venue as messages carry it."""
        return DefinedVenue(
            venue_id=self.venue_id, name=self.name, city=self.city, currency=self.currency, zones=list(self.zones)
        )


class Event(Struct, frozen=True, kw_only=True):
    """A show, with the zones it is sold in; it is on sale between the two moments, where given."""

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

    def as_data(self) -> Scheduled:
        """Return the event as messages carry it."""
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

    def narrowed(self, zones: tuple[Zone, ...]) -> "Event":
        """Return the event without the seats that have no place in `zones`, at its own prices."""
        after = {zone.zone_id: zone for zone in zones}
        remaining = tuple(
            msgspec.structs.replace(
                zone,
                row_count=min(zone.row_count, after[zone.zone_id].row_count),
                col_count=min(zone.col_count, after[zone.zone_id].col_count),
            )
            for zone in self.zones
            if zone.zone_id in after
        )
        return msgspec.structs.replace(self, zones=remaining)


encode_definition = msgspec.json.encode
decode_event = msgspec.json.Decoder(Event).decode
decode_venue = msgspec.json.Decoder(Venue).decode
