"""The names from which each broker's topology is built: exchange, queues, topics, routing keys."""

EXCHANGE = "ticketing"
"""RabbitMQ's exchange, used for all messages."""

MESSAGES = "ticketing.messages"
"""Kafka's topic of messages from purchase to the models."""

WRITE_MODEL = "ticketing.write-model"
READ_MODEL = "ticketing.read-model"
"""Each is a queue on RabbitMQ, and a consumer group of MESSAGES on Kafka."""

PURCHASE = "ticketing.purchase"
"""Messages from message-terminal to purchase.

A queue on RabbitMQ; on Kafka a topic and its consumer group.
"""

DEAD = "ticketing.dead"
"""RabbitMQ's queue of messages that it gave up delivering."""

BATCH_CONTENT_TYPE = "application/cloudevents-batch+json"


def to_models(partition: int) -> str:
    """Return the routing key of messages from purchase to the models about this partition."""
    return str(partition)


def to_purchase(partition: int) -> str:
    """Return the routing key of messages from message-terminal to purchase about this partition."""
    return f"purchase.{partition}"
