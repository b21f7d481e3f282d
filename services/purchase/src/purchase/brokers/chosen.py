"""The brokers that the settings name; nothing is connected yet."""

from typing import Literal, assert_never

from purchase.brokers import Broker
from purchase.brokers.kafka import Kafka, secured
from purchase.brokers.rabbitmq import RabbitMQ
from purchase.settings import Settings


def publishing(settings: Settings) -> list[Broker]:
    """Those that are told everything: BROKER, and beside it MIRROR_BROKER."""
    return _named(settings.broker, settings) + _named(settings.mirror_broker, settings)


def draining(settings: Settings) -> list[Broker]:
    """Those that are told nothing more, and still heard: DRAIN_BROKER."""
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
