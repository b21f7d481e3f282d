"""The notifications of the payment provider in Redis: stored once, delivered at least once."""

from hashlib import blake2b
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import Struct
from redis.asyncio import Redis

from purchase.providers import Notification
from purchase.store import keys
from purchase.store.ids import partition_in
from purchase.store.partitions import Partitions
from purchase.store.scripts import load

WAITING_MAX = 10_000
"""The longest backlog of one partition, in notifications."""

REMEMBERED_SECONDS = 7 * 24 * 60 * 60
"""How long a notification is recognised as a duplicate; Stripe retries one for three days."""

CLAIMED_MAX = 2
"""Notifications of one partition that are claimed at a time."""

IDLE_MS = (10_000, 900_000)
"""First and longest pause before a redelivery; it doubles in between."""

CLAIM_SECONDS = IDLE_MS[0] / 1_000
"""How long a claim lasts; afterwards any process may claim its notification again."""


class Delivery(Struct, frozen=True):
    """A stored notification, still encoded; `times` counts its deliveries, from 1."""

    partition: int
    id: bytes
    notification: bytes
    times: int


class WebhookLedger:
    """The notifications of all partitions."""

    def __init__(self, redis: Redis, partitions: Partitions) -> None:
        self._redis = redis
        self._partitions = partitions
        self._store = load(redis, "store_webhook")
        self._claim = load(redis, "claim_webhooks")
        self._scan_from = [b"-"] * partitions.count

    async def store(self, notification: Notification) -> Literal["STORED", "REPEATED"]:
        """Store a notification on disk, unless it is a duplicate.

        Raises Recovering, Overloaded, OutcomeUnknown.
        """
        partition = self._partition_of(notification)
        digest = blake2b(notification.id.encode(), digest_size=16).hexdigest()
        _, (word,) = await self._partitions.run(
            self._store,
            partition,
            [keys.webhooks(partition), keys.webhook(partition, digest)],
            encode_notification(notification),
            WAITING_MAX,
            REMEMBERED_SECONDS,
        )
        stored: Literal["STORED", "REPEATED"] = word.decode()
        return stored

    async def claim(self) -> list[Delivery]:
        """Claim some notifications of every partition for `CLAIM_SECONDS`.

        Raises the errors of redis-py.
        """
        async with self._redis.pipeline(transaction=False) as pipeline:
            for partition, scan_from in enumerate(self._scan_from):
                await self._claim(
                    keys=[keys.webhooks(partition)],
                    args=[keys.SETTLEMENT, CLAIMED_MAX, *IDLE_MS, scan_from],
                    client=pipeline,
                )
            answers = await pipeline.execute()
        claimed = []
        for partition, (scan_from, *deliveries) in enumerate(answers):
            self._scan_from[partition] = scan_from
            claimed += [Delivery(partition, *delivery) for delivery in deliveries]
        return claimed

    async def end(self, delivery: Delivery) -> None:
        """Delete a notification that is handled. Raises Recovering, Overloaded."""
        webhooks = keys.webhooks(delivery.partition)
        # Deleted first: a deleted entry is never redelivered, but one that is only acknowledged
        # stays for ever.
        await self._partitions.ask("XDEL", webhooks, delivery.id)
        await self._partitions.ask("XACK", webhooks, keys.SETTLEMENT, delivery.id)

    def home_of(self, hold_id: UUID) -> int | None:
        """Return the hold's partition; None when it cannot be a hold of ours."""
        partition = partition_in(hold_id)
        return partition if partition is not None and partition < self._partitions.count else None

    def _partition_of(self, notification: Notification) -> int:
        home = self.home_of(notification.hold_id) if notification.hold_id else None
        return keys.partition_of(notification.id, self._partitions.count) if home is None else home


encode_notification = msgspec.msgpack.Encoder().encode
decode_notification = msgspec.msgpack.Decoder(Notification).decode
