"""Kafka: a record per batch in its partition of the topic; a group reads the terminal's messages.

This process declares nothing: the terminal's `setup` created the topics.
"""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from aiokafka.errors import IllegalStateError, KafkaError
from contracts.routing import MESSAGES, PURCHASE
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.security import BaseSecurity, SASLScram512

from purchase.brokers import PUBLISH_SECONDS, RawCodec
from purchase.settings import Settings
from purchase.store.connection import Unavailable

REQUEST_SECONDS = PUBLISH_SECONDS + 5.0
"""More than PUBLISH_SECONDS: the client's own timeout looks like a permanent failure."""

RECORD_BYTES_MAX = 3 * 512 * 1024
"""Far more than the relay's largest batch, and less than the topic's limit.

A larger record is refused here, without being sent.
"""

RECORDS_MAX = 64
"""Records in flight. The client may send all in one request; Kafka accepts up to 100 MiB."""

ACKNOWLEDGE_SECONDS = 5.0
PING_SECONDS = 1.0
REDELIVERY_SECONDS = 1.0
"""Delay before a message that was not handled is redelivered."""

RECONNECT_MS = 500

SESSION_MS = 6_000
"""A killed process keeps its partitions for so long; Kafka accepts no shorter time by default."""

HEARTBEAT_MS = 2_000

log = logging.getLogger(__name__)


class Kafka:
    """Kafka as purchase's broker; `servers` are `host:port`, separated by commas."""

    name = "kafka"

    def __init__(self, servers: str, *, idempotence: bool, security: BaseSecurity | None = None) -> None:
        if not idempotence:
            log.warning("the producer is not idempotent: a batch whose acknowledgement is lost is published twice")
        self.application = KafkaBroker(
            servers.split(","),
            security=security,
            codec=RawCodec(),
            apply_types=False,
            logger=None,
            allow_auto_create_topics=False,
            acks="all",
            enable_idempotence=idempotence,
            max_request_size=RECORD_BYTES_MAX,
            request_timeout_ms=int(REQUEST_SECONDS * 1_000),
            retry_backoff_ms=RECONNECT_MS,
        )
        self._subscriber = self.application.subscriber(
            PURCHASE,
            group_id=PURCHASE,
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
        )
        self._handle: Callable[[bytes], Awaitable[None]] | None = None
        self._consuming: asyncio.Task[None] | None = None
        self._on_failure: Callable[[str], None] = log.error
        self._in_flight = asyncio.Semaphore(RECORDS_MAX)

    async def publish(self, partition: int, batch: bytes) -> None:
        """Return once every in-sync replica has the batch."""
        await self._in_flight.acquire()
        publishing = self.application.publish(batch, topic=MESSAGES, key=str(partition).encode(), partition=partition)
        # After a timeout the record is still in flight, until the client knows its outcome.
        sending = asyncio.create_task(publishing)
        sending.add_done_callback(self._sent)
        await asyncio.shield(sending)

    def _sent(self, sending: asyncio.Task[Any]) -> None:
        self._in_flight.release()
        error = None if sending.cancelled() else sending.exception()
        # An idempotent producer numbers its records. After a permanent failure Kafka accepts no
        # further record of that partition from it.
        if isinstance(error, KafkaError) and not error.retriable:
            self._on_failure(f"the producer failed: {error!r}")

    def subscribe(self, handle: Callable[[bytes], Awaitable[None]], on_failure: Callable[[str], None]) -> None:
        """Deliver one message at a time, and commit its offset once it is handled."""
        self._handle, self._on_failure = handle, on_failure

    async def supervise(self) -> None:
        """Start consuming: the group has assigned its partitions by now."""

        def report(consuming: asyncio.Task[None]) -> None:
            if not consuming.cancelled() and (error := consuming.exception()) is not None:
                self._on_failure(f"the consumer failed: {error!r}")

        assert self._handle is not None
        self._consuming = asyncio.create_task(self._consume(self._handle))
        self._consuming.add_done_callback(report)

    async def is_up(self) -> bool:
        """Whether the broker answers and its consumer runs."""
        consuming = self._consuming is not None and not self._consuming.done()
        return consuming and await self.application.ping(timeout=PING_SECONDS)

    async def _consume(self, handle: Callable[[bytes], Awaitable[None]]) -> None:
        """Read and handle messages.

        A FastStream handler would hide a failure, and the next commit would skip the message.
        """
        async for message in self._subscriber:
            try:
                await handle(bytes(message.body))
            except Unavailable:
                await asyncio.sleep(REDELIVERY_SECONDS)
                await _redeliver(message)
            else:
                await _acknowledge(message)


async def _acknowledge(message: KafkaMessage) -> None:
    """Commit. After a failure a later commit covers the message, or it is redelivered."""
    try:
        async with asyncio.timeout(ACKNOWLEDGE_SECONDS):
            await message.ack()
    except (KafkaError, TimeoutError) as error:
        log.info("offset not committed: %r", error)


async def _redeliver(message: KafkaMessage) -> None:
    """Ask for the message again, unless another process has its partition by now."""
    with suppress(IllegalStateError):
        await message.nack()


def secured(settings: Settings) -> BaseSecurity:
    """Return Kafka's security settings.

    Its certificate is verified against the system's authorities, or those in SSL_CERT_FILE.
    """
    protocol = settings.kafka_security_protocol
    context = ssl.create_default_context() if protocol.endswith("SSL") else None
    if protocol.startswith("SASL_"):
        return SASLScram512(settings.kafka_sasl_username, settings.kafka_sasl_password, context)
    return BaseSecurity(context)
