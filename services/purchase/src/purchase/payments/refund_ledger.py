"""The refunds that are owed for cancelled tickets, in Redis."""

from contracts.codec import encode
from contracts.payment import PaymentRefunded
from redis.asyncio import Redis

from purchase.seats.ticket import Ticket
from purchase.store import keys
from purchase.store.partitions import Partitions
from purchase.store.scripts import load


class RefundLedger:
    """The owed refunds of all partitions."""

    def __init__(self, redis: Redis, partitions: Partitions) -> None:
        self._partitions = partitions
        self._record = load(redis, "record_refunded")

    async def is_owed(self, ticket: Ticket) -> bool:
        """Return whether this ticket is still to be refunded. Raises Recovering, Overloaded."""
        due = await self._partitions.ask("ZSCORE", keys.due(ticket.partition), b"R" + ticket.ticket_id.bytes)
        return due is not None

    async def end(self, ticket: Ticket, message: PaymentRefunded | None = None) -> bool:
        """Record that a refund is no longer owed, and publish the message.

        Return whether it was owed.

        Raises Recovering, Overloaded, OutcomeUnknown.
        """
        _, (word,) = await self._partitions.run(
            self._record,
            ticket.partition,
            [keys.due(ticket.partition)],
            ticket.ticket_id.bytes,
            encode(message) if message else b"",
        )
        return bool(word == b"NOTED")
