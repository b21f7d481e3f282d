"""Creates the brokers that the settings name, without connecting to them."""

from typing import Literal, assert_never

from purchase.brokers import Broker
from purchase.brokers.kafka import Kafka, secured
from purchase.brokers.rabbitmq import RabbitMQ
from purchase.settings import Settings


def publishing(settings: Settings) -> list[Broker]:
    """Create the brokers to publish to: BROKER and, if set, MIRROR_BROKER."""
    return _named(settings.broker, settings) + _named(settings.mirror_broker, settings)


def draining(settings: Settings) -> list[Broker]:
    """Create the broker that is only consumed from: DRAIN_BROKER, if set."""
    return _named(settings.drain_broker, settings)


def _named(name: Literal["none", "rabbitmq", "kafka"], settings: Settings) -> list[Broker]:
    match name:
        case "none":
            return []
        case "rabbitmq":
            return [RabbitMQ(settings.rabbitmq_url)]
        case "kafka":
            servers, security = settings.kafka_bootstrap_servers, secured(settings)
            return [Kafka(servers, idempotence=settings.kafka_idempotence, security=security)]
        case _:
            assert_never(name)
