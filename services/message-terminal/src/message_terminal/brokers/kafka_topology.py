"""Kafka's topics between purchase and the models."""

import asyncio

from aiokafka import errors
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import for_code
from contracts.routing import MESSAGES, PURCHASE

from message_terminal.brokers import UnusableTopology

DECLARE_SECONDS = 20.0
TOPICS = (MESSAGES, PURCHASE)
RECORD_BYTES_MAX = 2 * 2**20
"""More than the largest batch that the relay publishes."""

_RETENTION_MILLISECONDS = 30 * 24 * 3600 * 1000


async def declare(admin: AIOKafkaAdminClient, partitions: int, replication: int) -> None:
    """Create the topics, or check those that exist.

    Raises UnusableTopology, KafkaError, OSError, TimeoutError.
    """
    async with asyncio.timeout(DECLARE_SECONDS):
        topics = [NewTopic(name, partitions, replication, topic_configs=topic_settings(replication)) for name in TOPICS]
        created = await admin.create_topics(topics)
        for name, code, reason in (topic[:3] for topic in created.topic_errors):
            match for_code(code):
                case errors.NoError | errors.TopicAlreadyExistsError:
                    pass
                case errors.InvalidReplicationFactorError:
                    raise UnusableTopology(f"{name} cannot be created: {reason}")
                case error:
                    raise error(f"{name}: {reason}")
        for name, count in (await partition_counts(admin)).items():
            if count != partitions:
                raise UnusableTopology(f"{name} has {count} partitions, not {partitions}")


async def partition_counts(admin: AIOKafkaAdminClient) -> dict[str, int]:
    """Return the number of partitions of each topic.

    Raises KafkaError when a topic does not exist, or is not known to every server yet.
    """
    # All topics are described: Kafka may create a topic that is requested by name.
    described = {topic["topic"]: topic for topic in await admin.describe_topics()}
    for name in TOPICS:
        if name not in described:
            raise errors.UnknownTopicOrPartitionError(name)
        if code := described[name]["error_code"]:
            raise for_code(code)(name)
    return {name: len(described[name]["partitions"]) for name in TOPICS}


def topic_settings(replication: int) -> dict[str, str]:
    """Return the settings of a topic.

    A record is acknowledged once two replicas have it, where there are two. Records are kept for
    thirty days, consumed or not.
    """
    return {
        "min.insync.replicas": str(min(2, replication)),
        "max.message.bytes": str(RECORD_BYTES_MAX),
        "retention.ms": str(_RETENTION_MILLISECONDS),
    }
