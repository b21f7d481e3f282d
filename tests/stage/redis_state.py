"""The state in Redis, read without the code of purchase that writes it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from contracts.catalogue import EventScheduled, VenueDefined
from contracts.codec import AnyMessage, decode, with_position
from contracts.position import Position
from purchase.catalogue.event import Event, Venue, decode_event, decode_venue
from purchase.store import keys
from purchase.store.ids import partition_in
from redis import Redis

from tests.stage.builders import PARTITIONS


class RedisState:
    """The state of all partitions."""

    def __init__(self, redis: Redis) -> None:
        self.redis: Any = redis

    def messages(self) -> list[AnyMessage]:
        """Return all unpublished messages, each partition's in order."""
        return [message for partition in range(PARTITIONS) for message in self.outbox(partition)]

    def outbox(self, partition: int) -> list[AnyMessage]:
        """Return the unpublished messages of one partition, as the relay would publish them."""
        return [_decoded(position, fields) for position, fields in self.redis.xrange(keys.outbox(partition))]

    def messages_about(self, subject: str) -> list[AnyMessage]:
        """Return the unpublished messages about one ticket, event or venue, in order."""
        return [message for message in self.outbox(_partition_of_subject(subject)) if message.subject == subject]

    def hold_messages(self, event_id: str, subject: str) -> list[AnyMessage]:
        """Return the unpublished messages about a hold of this event, in order."""
        return [message for message in self.outbox(partition_of(event_id)) if message.subject == subject]

    def positions(self) -> list[str]:
        """Return the last position of every partition; it changes with every message."""
        return [self.last_position(partition) for partition in range(PARTITIONS)]

    def last_position(self, partition: int) -> str:
        """Return the position of the partition's last message, published or not."""
        last: bytes = self.redis.xinfo_stream(keys.outbox(partition))["last-generated-id"]
        return last.decode()

    def everything(self) -> dict[bytes, bytes]:
        """Return a dump of every key."""
        names = sorted(self.redis.scan_iter(count=1000))
        pipeline = self.redis.pipeline(transaction=False)
        for name in names:
            pipeline.dump(name)
        return dict(zip(names, pipeline.execute(), strict=True))

    def restore(self, everything: Mapping[bytes, bytes]) -> None:
        """Replace all keys of Redis by these dumps."""
        pipeline = self.redis.pipeline(transaction=True)
        pipeline.flushall()
        for name, dump in everything.items():
            pipeline.restore(name, 0, dump)
        pipeline.execute()

    def events(self) -> list[Event]:
        """Return all events."""
        names = self.redis.scan_iter(match="*:event:*")
        definitions = [self.redis.hget(name, "definition") for name in names]
        return [decode_event(definition) for definition in definitions if definition]

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Assert that the block writes nothing: no message, no seat, no key."""
        before = self.everything()
        yield
        assert self.everything() == before

    def event(self, event_id: str) -> Event:
        """Return the current definition of the event."""
        return decode_event(self.redis.hget(_event_key(event_id), "definition"))

    def venue(self, venue_id: str) -> Venue:
        """Return the current definition of the venue."""
        return decode_venue(self.redis.hget(_venue_key(venue_id), "definition"))

    def is_changing(self, venue_id: str) -> bool:
        """Return whether a change of the venue is under way, or was abandoned."""
        return bool(self.redis.hexists(_venue_key(venue_id), "pending"))

    def assert_agreement(self, venue_id: str, *event_ids: str) -> None:
        """Assert that no change is pending, and venue, events and last messages agree."""
        assert not self.is_changing(venue_id)
        venue = self.venue(venue_id)
        self._assert_last_message(venue_id, VenueDefined, venue.as_data())
        for event_id in event_ids:
            assert self.redis.hmget(_event_key(event_id), "agreed", "before") == [None, None]
            event = self.event(event_id)
            assert (event.zones, event.currency) == (venue.zones, venue.currency)
            self._assert_capacity(event)
            self._assert_last_message(event_id, EventScheduled, event.as_data())

    def _assert_capacity(self, event: Event) -> None:
        counted = self.redis.hgetall(_event_key(event.event_id))
        assert int(counted[b"capacity"]) == sum(zone.row_count * zone.col_count for zone in event.zones)
        for zone in event.zones:
            assert int(counted[b"capacity:%d" % zone.zone_id]) == zone.row_count * zone.col_count

    def _assert_last_message(self, subject: str, kind: type[VenueDefined | EventScheduled], data: object) -> None:
        last = self.messages_about(subject)[-1]
        assert isinstance(last, kind)
        assert last.data == data


def partition_of(name: str) -> int:
    """Return the partition of an event or a venue."""
    return keys.partition_of(name, PARTITIONS)


def _partition_of_subject(subject: str) -> int:
    try:
        minted_in = partition_in(UUID(subject))
    except ValueError:
        return partition_of(subject)
    assert minted_in is not None
    return minted_in


def _event_key(event_id: str) -> str:
    return keys.event(partition_of(event_id), event_id)


def _venue_key(venue_id: str) -> str:
    return keys.venue(partition_of(venue_id), venue_id)


def _decoded(position: bytes, fields: dict[bytes, bytes]) -> AnyMessage:
    generation = fields[b"generation"]
    at = Position.parse(position.decode())
    return decode(with_position(fields[b"message"], at, int(generation) if generation else None))
