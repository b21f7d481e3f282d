"""The messages of the catalogue: a venue was defined, an event was scheduled."""

import uuid

from contracts.catalogue import EventScheduled, VenueDefined

from purchase import SOURCE
from purchase.catalogue.event import Event, Venue
from purchase.store.moments import now_us, timestamp_of


def venue_defined(venue: Venue, partition: int) -> VenueDefined:
    """Describe the venue as it is from now on."""
    return VenueDefined(
        id=str(uuid.uuid4()),
        source=SOURCE,
        subject=venue.venue_id,
        time=timestamp_of(now_us()),
        partition=partition,
        data=venue.as_data(),
    )


def event_scheduled(event: Event, partition: int) -> EventScheduled:
    """Describe the event as it is sold from now on."""
    return EventScheduled(
        id=str(uuid.uuid4()),
        source=SOURCE,
        subject=event.event_id,
        time=timestamp_of(now_us()),
        partition=partition,
        data=event.as_data(),
    )
