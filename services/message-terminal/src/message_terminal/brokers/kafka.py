"""Kafka: a group of consumers for each model, whose terminals share the partitions.

Handlers only hand over. What a group has committed is in its model's store; what was handed over since comes again.
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

from message_terminal.brokers import LANES, Receiver, Untouched, kafka_topology
from message_terminal.settings import Settings
from message_terminal.stores import StoreAway
from message_terminal.worker import DELIVERIES_IN_HAND, Delivery

PUBLISH_SECONDS = 5.0
ACKNOWLEDGE_SECONDS = 5.0
CANCEL_SECONDS = 2.0
FETCH_BYTES_MAX = 8 * 2**20

SESSION_MS = 6_000
"""The partitions of a killed process are another's after this; unless it is told otherwise, Kafka allows no less."""

HEARTBEAT_MS = 2_000

NOTE_SECONDS = 3.0
"""Within a session: its heartbeats begin after the tries were noted, or could not be."""

log = logging.getLogger(__name__)


class Kafka:
    """Kafka as the terminal's broker; `servers` are `host:port`, separated by commas."""

    name = "Kafka"

    def __init__(
        self, servers: str, *, idempotence: bool, replication: int, security: BaseSecurity | None = None
    ) -> None:
        if not idempotence:
            log.warning("the producer is not idempotent: a message whose acknowledgement gets lost will be there twice")
        self._servers = servers.split(",")
        self._security = parse_security(security)
        self._replication = replication
        self.application = KafkaBroker(
            self._servers,
            security=security,
            codec=Untouched(),
            apply_types=False,
            logger=None,
            allow_auto_create_topics=False,
            graceful_timeout=CANCEL_SECONDS,
            acks="all",
            enable_idempotence=idempotence,
        )
        self._groups: list[_Group] = []
        self._lost: Callable[[str], None] = log.error

    async def declare(self, partitions: int) -> None:
        """Raises StoreAway, Unfit."""
        async with self._administering() as admin:
            await kafka_topology.declare(admin, partitions, self._replication)

    def lead(self, worker: Receiver) -> None:
        """Hand the records of the partitions that the model's group gives this process to its worker."""
        self._groups.append(_Group(self.application, worker))

    async def connect(self) -> None:
        """Raises StoreAway."""
        # What cannot start is not closed again by FastStream: so it is started where somebody answers.
        async with self._administering() as admin:
            await kafka_topology.find(admin)
            await self.application.connect()

    async def watch(self, lost: Callable[[str], None]) -> None:
        """Consume from now on; call `lost` when a consumer fails, or the producer for good."""
        self._lost = lost
        for group in self._groups:
            group.begin(lost)

    @property
    def is_consuming(self) -> bool:
        """Whether each group has agreed on who has which partitions, and ours are read."""
        return all(group.is_consuming for group in self._groups)

    async def stop_consuming(self) -> None:
        """Hand over no more; the groups are left when the process ends, with what was in hand committed."""
        for group in self._groups:
            group.end()

    async def reject(self, message: TicketRejected) -> None:
        """Tell purchase, and know that it is kept for it. Raises StoreAway, because nothing is lost by trying again."""
        try:
            async with asyncio.timeout(PUBLISH_SECONDS):
                await self.application.publish(
                    encode_batch([encode(message)]),
                    topic=PURCHASE,
                    key=str(message.partition).encode(),
                    partition=message.partition,
                )
        except (KafkaError, OSError) as error:
            # It numbers its records: after one that was refused for good, no other of its partition is taken.
            if isinstance(error, KafkaError) and not error.retriable:
                self._lost(f"the producer failed: {error!r}")
            raise _away(error) from error

    async def is_drained(self, lane: str) -> bool:
        """Whether the group has committed all there is. Raises StoreAway."""
        topic = PURCHASE if lane == PURCHASE else MESSAGES
        async with self._administering() as admin, self._reading(topic) as consumer:
            partitions = list(consumer.assignment())
            stands = await admin.list_consumer_group_offsets(lane, partitions=partitions)
            firsts, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
            return all(max(stands[one].offset, firsts[one]) == ends[one] for one in partitions)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[AsyncIterator[bytes]]:
        """Raises StoreAway."""
        async with self._reading(MESSAGES) as consumer:
            await consumer.seek_to_end()
            yield (bytes(record.value) async for record in consumer)

    @asynccontextmanager
    async def _reading(self, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
        """A consumer of all of its partitions, which belongs to no group."""
        async with self._administering() as admin:
            await kafka_topology.find(admin)
        consumer = AIOKafkaConsumer(
            topic, bootstrap_servers=self._servers, fetch_max_bytes=FETCH_BYTES_MAX, **self._security
        )
        try:
            await consumer.start()
            yield consumer
        except (KafkaError, OSError) as error:
            raise _away(error) from error
        finally:
            await consumer.stop()

    @asynccontextmanager
    async def _administering(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._servers, **self._security)
        try:
            await admin.start()
            yield admin
        except (KafkaError, OSError) as error:
            raise _away(error) from error
        finally:
            await admin.close()


class _Group(ConsumerRebalanceListener):  # type: ignore[misc]  # it has no types
    """This process as one of a model's group: what it has in hand, and of which assignment of partitions.

    Kafka does not count how often a record came back. So whoever is given a partition in which records wait notes, with
    the offset at which the group stands, that it tries; what was committed since then says nothing.
    """

    def __init__(self, application: KafkaBroker, worker: Receiver) -> None:
        self.name = LANES[worker.model]
        self._application = application
        self._worker = worker
        self._room = asyncio.Semaphore(DELIVERIES_IN_HAND)
        self._consuming: asyncio.Task[None] | None = None
        self._assignment = 0
        self._assigned = asyncio.Event()
        self._tried: dict[TopicPartition, tuple[int, int]] = {}
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

    def begin(self, lost: Callable[[str], None]) -> None:
        """Hand over from now on, and call `lost` when that fails."""

        def ended(consuming: asyncio.Task[None]) -> None:
            if not consuming.cancelled() and (error := consuming.exception()) is not None:
                lost(f"a consumer failed: {error!r}")

        self._consuming = asyncio.create_task(self._consume())
        self._consuming.add_done_callback(ended)

    def end(self) -> None:
        """Hand over no more."""
        if self._consuming is not None:
            self._consuming.cancel()

    @property
    def is_consuming(self) -> bool:
        """Whether the group has agreed on who has which partitions, and ours are read."""
        return self._assigned.is_set() and self._consuming is not None and not self._consuming.done()

    async def on_partitions_revoked(self, _: Collection[TopicPartition]) -> None:
        """It is always all of them: what is in hand is from now on another's to commit."""
        self._assigned.clear()
        self._assignment += 1
        self._tried = {}

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """From here on records come, from where the group stands."""
        try:
            if assigned:
                async with asyncio.timeout(NOTE_SECONDS):
                    self._tried = await self._note_tries(list(assigned))
        finally:
            self._assigned.set()
            log.info("consuming", extra={"group": self.name, "partitions": len(assigned)})

    async def _consume(self) -> None:
        """Not by a handler of FastStream's, which would be called again and again after an error, and tell nobody."""
        async for message in self._subscriber:
            await self._hand_over(message)

    async def _hand_over(self, message: KafkaMessage) -> None:
        """Give it to the worker as soon as that has room, unless its partition is no longer ours by then."""
        assignment = self._assignment
        await self._assigned.wait()
        await self._room.acquire()
        if assignment != self._assignment:
            self._room.release()
            return
        record = message.raw_message
        assert not isinstance(record, tuple)
        partition = TopicPartition(record.topic, record.partition)
        offset, tries = self._tried.pop(partition, (record.offset, 0))

        async def acknowledge() -> None:
            self._room.release()
            # Whoever has the partition now is given the record again, and repeating it harms nothing.
            if assignment == self._assignment:
                await self._commit(partition, record.offset + 1)

        self._worker.receive(Delivery(bytes(message.body), tries if offset == record.offset else 0, acknowledge))

    async def _commit(self, partition: TopicPartition, offset: int) -> None:
        """What cannot be committed now is committed with what comes after it, or comes again. Raises KafkaError."""
        try:
            async with asyncio.timeout(ACKNOWLEDGE_SECONDS):
                await self._consumer.commit({partition: OffsetAndMetadata(offset, "")})
        except (CommitFailedError, IllegalStateError, TimeoutError) as error:
            log.warning("not committed", extra={"partition": partition.partition, "reason": repr(error)})

    async def _note_tries(self, assigned: list[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        """Where the group stands in each partition in which records wait, and how often that was tried before."""
        admin, consumer = self._application.config.admin_client, self._consumer
        noted = await admin.list_consumer_group_offsets(self.name, partitions=assigned)
        firsts, ends = await consumer.beginning_offsets(assigned), await consumer.end_offsets(assigned)
        stands = {partition: max(noted[partition].offset, firsts[partition]) for partition in assigned}
        tried = {
            partition: (offset, _number(noted[partition].metadata))
            for partition, offset in stands.items()
            if offset < ends[partition]
        }
        if tried:
            await consumer.commit(
                {partition: OffsetAndMetadata(offset, str(times + 1)) for partition, (offset, times) in tried.items()}
            )
        return tried

    @property
    def _consumer(self) -> AIOKafkaConsumer:
        assert self._subscriber.consumer is not None
        return self._subscriber.consumer


def _number(metadata: str | None) -> int:
    """What was noted with an offset; others than us may have noted something else."""
    return int(metadata) if metadata is not None and metadata.isdecimal() else 0


def _away(error: BaseException) -> StoreAway:
    return StoreAway(f"Kafka: {type(error).__name__} {error}")


def secured(settings: Settings) -> BaseSecurity:
    """How to speak to Kafka; the machine's authorities vouch for its certificate, or those in SSL_CERT_FILE."""
    protocol = settings.kafka_security_protocol
    context = ssl.create_default_context() if protocol.endswith("SSL") else None
    if protocol.startswith("SASL_"):
        return SASLScram512(settings.kafka_sasl_username, settings.kafka_sasl_password, context)
    return BaseSecurity(context)
