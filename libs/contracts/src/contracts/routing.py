"""The names under which messages travel; every broker's topology is made of these."""

EXCHANGE = "ticketing"
"""RabbitMQ's exchange for all of them."""

MESSAGES = "ticketing.messages"
"""Kafka's topic of what purchase tells the models."""

WRITE_MODEL = "ticketing.write-model"
READ_MODEL = "ticketing.read-model"
"""Each a queue on RabbitMQ, and a group that consumes MESSAGES on Kafka."""

PURCHASE = "ticketing.purchase"
"""What the terminal tells purchase: a queue on RabbitMQ; on Kafka a topic, and the group that consumes it."""

DEAD = "ticketing.dead"
"""RabbitMQ's queue of what it gave up delivering."""

BATCH_CONTENT_TYPE = "application/cloudevents-batch+json"


def to_models(partition: int) -> str:
    """Routing key of what purchase tells the models about this partition."""
    return str(partition)


def to_purchase(partition: int) -> str:
    """Routing key of what the terminal tells purchase about this partition."""
    return f"purchase.{partition}"
