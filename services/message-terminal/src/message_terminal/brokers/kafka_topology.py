"""Kafka's topics, in which messages find the models and the models find purchase."""

import asyncio

from aiokafka import errors
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import for_code
from contracts.routing import MESSAGES, PURCHASE

from message_terminal.brokers import Unfit

STEP_SECONDS = 20.0
TOPICS = (MESSAGES, PURCHASE)
RECORD_BYTES_MAX = 2 * 2**20
"""More than the largest batch that the relay publishes."""

_KEPT_MILLISECONDS = 30 * 24 * 3600 * 1000


async def declare(admin: AIOKafkaAdminClient, partitions: int, replication: int) -> None:
    """Make the topics, or find them made. Raises Unfit, KafkaError, OSError, TimeoutError."""
    async with asyncio.timeout(STEP_SECONDS):
        wanted = [NewTopic(name, partitions, replication, topic_configs=settings(replication)) for name in TOPICS]
        made = await admin.create_topics(wanted)
        for name, code, reason in (topic[:3] for topic in made.topic_errors):
            match for_code(code):
                case errors.NoError | errors.TopicAlreadyExistsError:
                    pass
                case errors.InvalidReplicationFactorError:
                    raise Unfit(f"{name} cannot be made: {reason}")
                case error:
                    raise error(f"{name}: {reason}")
        for name, found in (await find(admin)).items():
            if found != partitions:
                raise Unfit(f"{name} has {found} partitions, not {partitions}")


async def find(admin: AIOKafkaAdminClient) -> dict[str, int]:
    """How many partitions each topic has. Raises KafkaError when one is not there, or not known everywhere yet."""
    # Whoever asks for a topic by its name may get it made.
    there = {topic["topic"]: topic for topic in await admin.describe_topics()}
    for name in TOPICS:
        if name not in there:
            raise errors.UnknownTopicOrPartitionError(name)
        if code := there[name]["error_code"]:
            raise for_code(code)(name)
    return {name: len(there[name]["partitions"]) for name in TOPICS}


def settings(replication: int) -> dict[str, str]:
    """Two replicas have what was acknowledged, where there are two; what nobody consumed is kept for thirty days."""
    return {
        "min.insync.replicas": str(min(2, replication)),
        "max.message.bytes": str(RECORD_BYTES_MAX),
        "retention.ms": str(_KEPT_MILLISECONDS),
    }
