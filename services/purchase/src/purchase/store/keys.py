"""Every key in Redis: type and contents. All keys of a script share a hash tag, the partition."""

from zlib import crc32

PARTITIONS = "ticketing:partitions"
"""string: number of partitions that this Redis was installed for"""

INSTALLED = "ticketing:installed"
"""string: present once every partition has had an outbox"""

SETTLEMENT = "settlement"
"""Name of the consumer group of every partition's `webhooks`."""


def partition_of(name: str, partitions: int) -> int:
    """Return the partition of an event or a venue: crc32 of its id, modulo their number."""
    return crc32(name.encode()) % partitions


def epoch(partition: int) -> str:
    """string: the epoch of the partition's messages"""
    return f"{{{partition}}}:epoch"


def outbox(partition: int) -> str:
    """stream: messages not yet published; their ids are the positions"""
    return f"{{{partition}}}:outbox"


def lease(partition: int) -> str:
    """string with a time to live: the relay that publishes this partition"""
    return f"{{{partition}}}:relay"


def venues(partition: int) -> str:
    """set: ids of the venues at home here"""
    return f"{{{partition}}}:venues"


def venue(partition: int, venue_id: str) -> str:
    """hash: definition, changes, begun, refused:<number>

    begun: id, number and newness of the change begun last.
    pending, number, phase: of the change in progress.
    """
    return f"{{{partition}}}:venue:{venue_id}"


def venue_events(partition: int, venue_id: str) -> str:
    """set: ids of the events that registered at the venue"""
    return f"{{{partition}}}:venue-events:{venue_id}"


def event(partition: int, event_id: str) -> str:
    """hash: definition, version, written, capacity, capacity:<zone>

    written: id of the message of the last definition.
    settled: number of the venue's change that the definition reflects.
    agreed: number of the change that has closed seats; before: the definition until then.
    """
    return f"{{{partition}}}:event:{event_id}"


def sold(partition: int, event_id: str) -> str:
    """hash: zone → seats sold; `all` → their sum"""
    return f"{{{partition}}}:sold:{event_id}"


def customers(partition: int, event_id: str) -> str:
    """hash: customer → seats"""
    return f"{{{partition}}}:customers:{event_id}"


def row(partition: int, event_id: str, zone_id: int, row_number: int) -> str:
    """hash: column number → kind, generation, ticket id | hold id, deadline (`lua/lib/seat.lua`)"""
    return f"{{{partition}}}:row:{event_id}:{zone_id}:{row_number}"


def tickets(partition: int, ticket_id: bytes) -> str:
    """hash: ticket id → state, generation, ticket (`lua/lib/ticket.lua`); one of 4,096 buckets"""
    return f"{{{partition}}}:tickets:{int.from_bytes(ticket_id[-2:]) & 0xFFF:x}"


def idempotency(partition: int, digest: str) -> str:
    """string with a time to live: fingerprint of the body; id of ticket or hold, or an answer"""
    return f"{{{partition}}}:idempotency:{digest}"


def hold(partition: int, hold_id: bytes) -> str:
    """hash, with a time to live once the hold has ended (`lua/lib/hold.lua`)

    state, version, epoch, deadline, hold, seats;
    of its payment: attempt, mark, key, method, payment, cap, why, code, tickets, captured
    """
    return f"{{{partition}}}:hold:{hold_id.hex()}"


def held(partition: int, event_id: str, customer_id: str) -> str:
    """sorted set: live holds of a customer (`lua/lib/customer.lua`), by deadline in ms since 1970

    A member is the hold's id and, in one byte, its number of seats.
    """
    return f"{{{partition}}}:held:{event_id}:{customer_id}"


def due(partition: int) -> str:
    """sorted set: holds and refunds to finish, by the time when they are due in ms since 1970

    A member is `H` and a hold's id, or `R` and the id of a cancelled ticket whose refund is owed
    (`lua/lib/refund.lua`).
    """
    return f"{{{partition}}}:due"


def late_refund(partition: int, payment_id: str) -> str:
    """string with a time to live: a refund of this payment, whose seats were gone, is published"""
    return f"{{{partition}}}:late-refund:{payment_id}"


def webhooks(partition: int) -> str:
    """stream: notifications of the payment provider that are not yet handled"""
    return f"{{{partition}}}:webhooks"


def webhook(partition: int, digest: str) -> str:
    """string with a time to live: this notification has been stored before"""
    return f"{{{partition}}}:webhook:{digest}"


def cases(partition: int) -> str:
    """stream of bounded length: open cases, which need a person"""
    return f"{{{partition}}}:attention"
