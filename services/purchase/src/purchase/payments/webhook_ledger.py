"""Notifications of the payment provider between their arrival and their end: stored once, delivered at least once."""

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
"""Notifications that may wait in one partition."""

REMEMBERED_SECONDS = 7 * 24 * 60 * 60
"""How long a notification is known when it comes again; Stripe repeats one for three days."""

CLAIMED_MAX = 2
"""Notifications of one partition that are claimed at a time."""

IDLE_MS = (10_000, 900_000)
"""How long a delivery idles before it is made again, first and at most; it doubles in between."""

HELD_SECONDS = IDLE_MS[0] / 1_000
"""For how long nobody else is handed what was claimed."""


class Delivery(Struct, frozen=True):
    """A stored notification, still encoded, that is handed out for the `times`-th time."""

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
        self._looked_at = [b"-"] * partitions.count

    async def store(self, notification: Notification) -> Literal["STORED", "REPEATED"]:
        """Keep a notification on disk, unless it is known. Raises Recovering, Overloaded, OutcomeUnknown."""
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
        """Some of every partition that nobody handles; they are this process's until `HELD_SECONDS` from now.

        Raises what Redis and the connection to it say.
        """
        async with self._redis.pipeline(transaction=False) as pipeline:
            for partition, looked_at in enumerate(self._looked_at):
                await self._claim(
                    keys=[keys.webhooks(partition)],
                    args=[keys.SETTLEMENT, CLAIMED_MAX, *IDLE_MS, looked_at],
                    client=pipeline,
                )
            answers = await pipeline.execute()
        claimed = []
        for partition, (look_at, *deliveries) in enumerate(answers):
            self._looked_at[partition] = look_at
            claimed += [Delivery(partition, *delivery) for delivery in deliveries]
        return claimed

    async def end(self, delivery: Delivery) -> None:
        """It is not handed out any more. Raises Recovering, Overloaded."""
        webhooks = keys.webhooks(delivery.partition)
        # In this order: what is deleted is handed out to nobody, what is only acknowledged would stay for ever.
        await self._partitions.ask("XDEL", webhooks, delivery.id)
        await self._partitions.ask("XACK", webhooks, keys.SETTLEMENT, delivery.id)

    def home_of(self, hold_id: UUID) -> int | None:
        """The hold's partition; None when it cannot be one of ours."""
        partition = partition_in(hold_id)
        return partition if partition is not None and partition < self._partitions.count else None

    def _partition_of(self, notification: Notification) -> int:
        home = self.home_of(notification.hold_id) if notification.hold_id else None
        return keys.partition_of(notification.id, self._partitions.count) if home is None else home


encode_notification = msgspec.msgpack.Encoder().encode
decode_notification = msgspec.msgpack.Decoder(Notification).decode
