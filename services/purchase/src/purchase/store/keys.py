"""Every key in Redis, by what it holds; all that one script touches carries the same hash tag, the partition."""

from zlib import crc32

PARTITIONS = "ticketing:partitions"
"""string: how many partitions this Redis was installed for"""

INSTALLED = "ticketing:installed"
"""string: there once was an outbox in every partition"""

SETTLEMENT = "settlement"
"""Name of the consumer group of every partition's `webhooks`."""


def partition_of(name: str, partitions: int) -> int:
    """Where an event, or a venue, has its home: crc32 of its id, by the number of partitions."""
    return crc32(name.encode()) % partitions


def epoch(partition: int) -> str:
    """string: the epoch of the partition's messages"""
    return f"{{{partition}}}:epoch"


def outbox(partition: int) -> str:
    """stream: messages that are not yet published; its ids are the positions"""
    return f"{{{partition}}}:outbox"


def lease(partition: int) -> str:
    """string with a time to live: the relay that publishes this partition"""
    return f"{{{partition}}}:relay"


def venues(partition: int) -> str:
    """set: ids of the venues at home here"""
    return f"{{{partition}}}:venues"


def venue(partition: int, venue_id: str) -> str:
    """hash: definition, changes, begun, refused:<number>; of the change under way pending, number, phase"""
    return f"{{{partition}}}:venue:{venue_id}"


def venue_events(partition: int, venue_id: str) -> str:
    """set: ids of the events that asked to be at the venue"""
    return f"{{{partition}}}:venue-events:{venue_id}"


def event(partition: int, event_id: str) -> str:
    """hash: definition, version, written, capacity, capacity:<zone>; the venue's change that it is as of: settled; of
    the change that has closed seats: agreed, and before, the definition until then"""
    return f"{{{partition}}}:event:{event_id}"


def sold(partition: int, event_id: str) -> str:
    """hash: zone → seats sold, and under `all` their sum"""
    return f"{{{partition}}}:sold:{event_id}"


def customers(partition: int, event_id: str) -> str:
    """hash: customer → seats"""
    return f"{{{partition}}}:customers:{event_id}"


def row(partition: int, event_id: str, zone_id: int, row_number: int) -> str:
    """hash: column number → kind, generation, ticket id | hold id and deadline (`lua/lib/seat.lua`)"""
    return f"{{{partition}}}:row:{event_id}:{zone_id}:{row_number}"


def tickets(partition: int, ticket_id: bytes) -> str:
    """hash: ticket id → state, generation, ticket (`lua/lib/ticket.lua`); one of 4,096 buckets"""
    return f"{{{partition}}}:tickets:{int.from_bytes(ticket_id[-2:]) & 0xFFF:x}"


def idempotency(partition: int, digest: str) -> str:
    """string with a time to live: fingerprint of the body; id of the ticket or hold, or what was told of a payment"""
    return f"{{{partition}}}:idempotency:{digest}"


def hold(partition: int, hold_id: bytes) -> str:
    """hash, with a time to live once the hold has ended: state, version, epoch, deadline, hold, seats
    (`lua/lib/hold.lua`); of its payment attempt, mark, method, payment, cap, why, code, tickets, captured"""
    return f"{{{partition}}}:hold:{hold_id.hex()}"


def held(partition: int, event_id: str, customer_id: str) -> str:
    """sorted set: live holds of a customer, hold id and one byte seats, by the ms since 1970 when they end unasked"""
    return f"{{{partition}}}:held:{event_id}:{customer_id}"


def due(partition: int) -> str:
    """sorted set: what must be looked at, `H` and hold id or `R` and id of a cancelled ticket whose refund is owed
    (`lua/lib/refund.lua`), by the ms since 1970 when it must"""
    return f"{{{partition}}}:due"


def late_refund(partition: int, payment_id: str) -> str:
    """string with a time to live: it was told that this payment, for which there were no seats, was given back"""
    return f"{{{partition}}}:late-refund:{payment_id}"


def webhooks(partition: int) -> str:
    """stream: notifications of the payment provider that are not yet processed"""
    return f"{{{partition}}}:webhooks"


def webhook(partition: int, digest: str) -> str:
    """string with a time to live: this notification has been stored before"""
    return f"{{{partition}}}:webhook:{digest}"


def cases(partition: int) -> str:
    """stream of bounded length: open cases, which need a person"""
    return f"{{{partition}}}:attention"
