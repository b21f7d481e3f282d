"""Kafka's topics, in which messages find the models and the models find purchase."""

import asyncio

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code
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
            if code and for_code(code) is not TopicAlreadyExistsError:
                raise for_code(code)(f"{name}: {reason}")
        for topic in await admin.describe_topics(list(TOPICS)):
            if topic["error_code"]:  # it is not known everywhere yet
                raise for_code(topic["error_code"])(topic["topic"])
            if len(topic["partitions"]) != partitions:
                raise Unfit(f"{topic['topic']} has {len(topic['partitions'])} partitions, not {partitions}")


def settings(replication: int) -> dict[str, str]:
    """Two replicas have what was acknowledged, where there are two; what nobody consumed is kept for thirty days."""
    return {
        "min.insync.replicas": str(min(2, replication)),
        "max.message.bytes": str(RECORD_BYTES_MAX),
        "retention.ms": str(_KEPT_MILLISECONDS),
    }
