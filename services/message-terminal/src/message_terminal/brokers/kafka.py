"""Kafka: a consumer group per model; the terminals of a group share the partitions.

Records before the committed offset are in the model's store. Later ones are redelivered after a
crash or a rebalance.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata
from contracts.codec import encode, encode_batch
from contracts.routing import MESSAGES, PURCHASE
from contracts.ticket import TicketRejected
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.security import parse_security
from faststream.security import BaseSecurity, SASLScram512

from message_terminal.brokers import SUBSCRIPTIONS, RawCodec, Receiver, kafka_topology
from message_terminal.delivery import PREFETCH_COUNT, Delivery
from message_terminal.settings import Settings
from message_terminal.stores import StoreUnavailable

PUBLISH_SECONDS = 5.0
ACKNOWLEDGE_SECONDS = 5.0
CANCEL_SECONDS = 2.0
FETCH_BYTES_MAX = 8 * 2**20

SESSION_MS = 6_000
"""A killed process keeps its partitions for so long; Kafka accepts no shorter time by default."""

HEARTBEAT_MS = 2_000

RECORD_ATTEMPTS_SECONDS = 3.0
"""Less than SESSION_MS: heartbeats begin only after this step, whether or not it succeeded."""

log = logging.getLogger(__name__)


class Kafka:
    """Kafka as the terminal's broker; `servers` are `host:port`, separated by commas."""

    name = "Kafka"

    def __init__(
        self, servers: str, *, idempotence: bool, replication: int, security: BaseSecurity | None = None
    ) -> None:
        if not idempotence:
            log.warning("the producer is not idempotent: a message whose acknowledgement is lost is published twice")
        self._servers = servers.split(",")
        self._security = parse_security(security)
        self._replication = replication
        self.application = KafkaBroker(
            self._servers,
            security=security,
            codec=RawCodec(),
            apply_types=False,
            logger=None,
            allow_auto_create_topics=False,
            graceful_timeout=CANCEL_SECONDS,
            acks="all",
            enable_idempotence=idempotence,
        )
        self._groups: list[_GroupMember] = []
        self._on_failure: Callable[[str], None] = log.error

    async def declare(self, partitions: int) -> None:
        """Create or check the topics. Raises StoreUnavailable, UnusableTopology."""
        async with self._administering() as admin:
            await kafka_topology.declare(admin, partitions, self._replication)

    def subscribe(self, worker: Receiver) -> None:
        """Deliver the partitions that the model's group assigns to this process to the worker."""
        self._groups.append(_GroupMember(self.application, worker))

    async def connect(self) -> None:
        """Connect to the broker. Raises StoreUnavailable."""
        # FastStream does not close a client that failed to start, so it starts once Kafka answers.
        async with self._administering() as admin:
            await kafka_topology.partition_counts(admin)
            await self.application.connect()

    async def supervise(self, on_failure: Callable[[str], None]) -> None:
        """Start consuming; call `on_failure` when a consumer fails, or the producer permanently."""
        self._on_failure = on_failure
        for group in self._groups:
            group.start(on_failure)

    @property
    def is_consuming(self) -> bool:
        """Whether each group has assigned its partitions, and those of this process are read."""
        return all(group.is_consuming for group in self._groups)

    async def stop_consuming(self) -> None:
        """Stop new deliveries; earlier ones can be committed until the process ends."""
        for group in self._groups:
            group.stop()

    async def reject(self, message: TicketRejected) -> None:
        """Publish a rejection to purchase and wait until the broker has stored it.

        Raises StoreUnavailable, because a retry is harmless.
        """
        try:
            async with asyncio.timeout(PUBLISH_SECONDS):
                await self.application.publish(
                    encode_batch([encode(message)]),
                    topic=PURCHASE,
                    key=str(message.partition).encode(),
                    partition=message.partition,
                )
        except (KafkaError, OSError) as error:
            # An idempotent producer numbers its records. After a permanent failure Kafka accepts no
            # further record of that partition from it.
            if isinstance(error, KafkaError) and not error.retriable:
                self._on_failure(f"the producer failed: {error!r}")
            raise _unavailable(error) from error

    async def is_drained(self, subscription: str) -> bool:
        """Whether the group has committed all records. Raises StoreUnavailable."""
        topic = PURCHASE if subscription == PURCHASE else MESSAGES
        async with self._administering() as admin, self._reading(topic) as consumer:
            partitions = list(consumer.assignment())
            committed = await admin.list_consumer_group_offsets(subscription, partitions=partitions)
            firsts, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
            return all(max(committed[one].offset, firsts[one]) == ends[one] for one in partitions)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[AsyncIterator[bytes]]:
        """Copies of the batches that purchase publishes from now on. Raises StoreUnavailable."""
        async with self._reading(MESSAGES) as consumer:
            await consumer.seek_to_end()
            yield (bytes(record.value) async for record in consumer)

    @asynccontextmanager
    async def _reading(self, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
        """A consumer of all partitions, outside any group. Raises StoreUnavailable."""
        async with self._administering() as admin:
            await kafka_topology.partition_counts(admin)
        consumer = AIOKafkaConsumer(
            topic, bootstrap_servers=self._servers, fetch_max_bytes=FETCH_BYTES_MAX, **self._security
        )
        try:
            await consumer.start()
            yield consumer
        except (KafkaError, OSError) as error:
            raise _unavailable(error) from error
        finally:
            await consumer.stop()

    @asynccontextmanager
    async def _administering(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._servers, **self._security)
        try:
            await admin.start()
            yield admin
        except (KafkaError, OSError) as error:
            raise _unavailable(error) from error
        finally:
            await admin.close()


class _GroupMember(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """This process as a member of a model's consumer group.

    Kafka does not count redeliveries. On assignment this process writes an attempt counter into the
    metadata of the committed offset of each partition with a backlog. The counter is void once the
    offset has moved.
    """

    def __init__(self, application: KafkaBroker, worker: Receiver) -> None:
        self.name = SUBSCRIPTIONS[worker.model]
        self._application = application
        self._worker = worker
        self._prefetch = asyncio.Semaphore(PREFETCH_COUNT)
        self._consuming: asyncio.Task[None] | None = None
        self._assignment = 0
        self._assigned = asyncio.Event()
        self._attempts: dict[TopicPartition, tuple[int, int]] = {}
        self._subscriber = application.subscriber(
            MESSAGES,
            group_id=self.name,
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            auto_offset_reset="earliest",
            fetch_max_bytes=FETCH_BYTES_MAX,
            ack_policy=AckPolicy.MANUAL,
            listener=self,
            no_reply=True,
        )

    def start(self, on_failure: Callable[[str], None]) -> None:
        """Start delivering records, and call `on_failure` when that fails."""

        def report(consuming: asyncio.Task[None]) -> None:
            if not consuming.cancelled() and (error := consuming.exception()) is not None:
                on_failure(f"a consumer failed: {error!r}")

        self._consuming = asyncio.create_task(self._consume())
        self._consuming.add_done_callback(report)

    def stop(self) -> None:
        """Stop delivering records."""
        if self._consuming is not None:
            self._consuming.cancel()

    @property
    def is_consuming(self) -> bool:
        """Whether the group has assigned its partitions, and those of this process are read."""
        return self._assigned.is_set() and self._consuming is not None and not self._consuming.done()

    async def on_partitions_revoked(self, _: Collection[TopicPartition]) -> None:
        """Every rebalance revokes all partitions; records in flight may no longer be committed."""
        self._assigned.clear()
        self._assignment += 1
        self._attempts = {}

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Record the attempts, then let records through from the committed offsets on."""
        try:
            if assigned:
                async with asyncio.timeout(RECORD_ATTEMPTS_SECONDS):
                    self._attempts = await self._record_attempts(list(assigned))
        finally:
            self._assigned.set()
            log.info("consuming", extra={"group": self.name, "partitions": len(assigned)})

    async def _consume(self) -> None:
        """Read and deliver records.

        A FastStream handler would hide failures: FastStream calls it again after each error.
        """
        async for message in self._subscriber:
            await self._deliver(message)

    async def _deliver(self, message: KafkaMessage) -> None:
        """Deliver a record once the worker has room, unless the partitions are revoked by then."""
        assignment = self._assignment
        await self._assigned.wait()
        await self._prefetch.acquire()
        if assignment != self._assignment:
            self._prefetch.release()
            return
        record = message.raw_message
        assert not isinstance(record, tuple)
        partition = TopicPartition(record.topic, record.partition)
        offset, attempts = self._attempts.pop(partition, (record.offset, 0))

        async def acknowledge() -> None:
            self._prefetch.release()
            # After a rebalance the new owner receives the record again, which is harmless.
            if assignment == self._assignment:
                await self._commit(partition, record.offset + 1)

        self._worker.receive(Delivery(bytes(message.body), attempts if offset == record.offset else 0, acknowledge))

    async def _commit(self, partition: TopicPartition, offset: int) -> None:
        """Commit an offset. Raises KafkaError.

        A refused commit is logged: a later one covers it, or the record is redelivered.
        """
        try:
            async with asyncio.timeout(ACKNOWLEDGE_SECONDS):
                await self._consumer.commit({partition: OffsetAndMetadata(offset, "")})
        except (CommitFailedError, IllegalStateError, TimeoutError) as error:
            log.warning("offset not committed", extra={"partition": partition.partition, "reason": repr(error)})

    async def _record_attempts(self, assigned: list[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        """Count one more attempt on each partition with a backlog.

        Returns the next offset and the number of earlier attempts for each of those partitions.
        """
        admin, consumer = self._application.config.admin_client, self._consumer
        committed = await admin.list_consumer_group_offsets(self.name, partitions=assigned)
        firsts, ends = await consumer.beginning_offsets(assigned), await consumer.end_offsets(assigned)
        offsets = {partition: max(committed[partition].offset, firsts[partition]) for partition in assigned}
        attempts = {
            partition: (offset, _counter(committed[partition].metadata))
            for partition, offset in offsets.items()
            if offset < ends[partition]
        }
        if attempts:
            await consumer.commit(
                {
                    partition: OffsetAndMetadata(offset, str(count + 1))
                    for partition, (offset, count) in attempts.items()
                }
            )
        return attempts

    @property
    def _consumer(self) -> AIOKafkaConsumer:
        assert self._subscriber.consumer is not None
        return self._subscriber.consumer


def _counter(metadata: str | None) -> int:
    """Return the attempt counter of a committed offset; 0 if its metadata is not ours."""
    return int(metadata) if metadata is not None and metadata.isdecimal() else 0


def _unavailable(error: BaseException) -> StoreUnavailable:
    return StoreUnavailable(f"Kafka: {type(error).__name__} {error}")


def secured(settings: Settings) -> BaseSecurity:
    """Return Kafka's security settings.

    Its certificate is verified against the system's authorities, or those in SSL_CERT_FILE.
    """
    protocol = settings.kafka_security_protocol
    context = ssl.create_default_context() if protocol.endswith("SSL") else None
    if protocol.startswith("SASL_"):
        return SASLScram512(settings.kafka_sasl_username, settings.kafka_sasl_password, context)
    return BaseSecurity(context)
