"""Kafka: one record for each batch, in its partition of the topic, and a group that takes what the terminal tells.

Nothing is declared on the way: the terminal's `setup` did.
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
"""The client waits longer than a batch is waited for: its giving up looks like a producer that is broken."""

RECORD_BYTES_MAX = 3 * 512 * 1024
"""Far more than the relay's largest batch, and less than the topic takes: what is too large is refused here, unsent."""

RECORDS_MAX = 64
"""On their way at once. The client may send them all in one request, and Kafka takes none of more than 100 MiB."""

ACKNOWLEDGE_SECONDS = 5.0
PING_SECONDS = 1.0
PAUSE_SECONDS = 1.0
"""Until what could not be taken is handed over again."""

RECONNECT_MS = 500

SESSION_MS = 6_000
"""What a killed process took is another's after this; unless it is told otherwise, Kafka allows no less."""

HEARTBEAT_MS = 2_000

log = logging.getLogger(__name__)


class Kafka:
    """Kafka as purchase's broker; `servers` are `host:port`, separated by commas."""

    name = "kafka"

    def __init__(self, servers: str, *, idempotence: bool, security: BaseSecurity | None = None) -> None:
        if not idempotence:
            log.warning("the producer is not idempotent: a batch whose acknowledgement gets lost will be there twice")
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
        self._take: Callable[[bytes], Awaitable[None]] | None = None
        self._consuming: asyncio.Task[None] | None = None
        self._lost: Callable[[str], None] = log.error
        self._room = asyncio.Semaphore(RECORDS_MAX)

    async def publish(self, partition: int, batch: bytes) -> None:
        """Return once every replica that is in sync has the batch."""
        await self._room.acquire()
        publishing = self.application.publish(batch, topic=MESSAGES, key=str(partition).encode(), partition=partition)
        # Whoever gives up waiting does not call the record back: it takes up room until its fate is known.
        sending = asyncio.create_task(publishing)
        sending.add_done_callback(self._sent)
        await asyncio.shield(sending)

    def _sent(self, sending: asyncio.Task[Any]) -> None:
        self._room.release()
        error = None if sending.cancelled() else sending.exception()
        # The producer numbers its records: after one that was refused for good, no other of its partition is taken.
        if isinstance(error, KafkaError) and not error.retriable:
            self._lost(f"the producer failed: {error!r}")

    def subscribe(self, take: Callable[[bytes], Awaitable[None]], lost: Callable[[str], None]) -> None:
        """Hand over one at a time, and commit what was taken."""
        self._take, self._lost = take, lost

    async def watch(self) -> None:
        """By now the group has agreed on who takes what."""

        def ended(consuming: asyncio.Task[None]) -> None:
            if not consuming.cancelled() and (error := consuming.exception()) is not None:
                self._lost(f"the consumer failed: {error!r}")

        assert self._take is not None
        self._consuming = asyncio.create_task(self._consume(self._take))
        self._consuming.add_done_callback(ended)

    async def is_up(self) -> bool:
        """Whether it answers, and its consumer runs."""
        consuming = self._consuming is not None and not self._consuming.done()
        return consuming and await self.application.ping(timeout=PING_SECONDS)

    async def _consume(self, take: Callable[[bytes], Awaitable[None]]) -> None:
        """Not by a handler of FastStream's: what it raises is swallowed, and the next commit steps over the message."""
        async for message in self._subscriber:
            try:
                await take(bytes(message.body))
            except Unavailable:
                await asyncio.sleep(PAUSE_SECONDS)
                await _hand_back(message)
            else:
                await _acknowledge(message)


async def _acknowledge(message: KafkaMessage) -> None:
    """Commit; what fails is made good by the next one, or comes again, here or where its partition went."""
    try:
        async with asyncio.timeout(ACKNOWLEDGE_SECONDS):
            await message.ack()
    except (KafkaError, TimeoutError) as error:
        log.info("what was taken was not committed: %r", error)


async def _hand_back(message: KafkaMessage) -> None:
    """Have it again, unless its partition is another's by now."""
    with suppress(IllegalStateError):
        await message.nack()


def secured(settings: Settings) -> BaseSecurity:
    """How to speak to Kafka; the machine's authorities vouch for its certificate, or those in SSL_CERT_FILE."""
    protocol = settings.kafka_security_protocol
    context = ssl.create_default_context() if protocol.endswith("SSL") else None
    if protocol.startswith("SASL_"):
        return SASLScram512(settings.kafka_sasl_username, settings.kafka_sasl_password, context)
    return BaseSecurity(context)
