"""Creates the brokers that the settings name."""

from typing import assert_never

from message_terminal.brokers import Broker
from message_terminal.brokers.kafka import Kafka, secured
from message_terminal.brokers.rabbitmq import RabbitMQ
from message_terminal.settings import BrokerName, Settings


def choose(settings: Settings) -> Broker:
    """Create the broker that BROKER names, without connecting to it."""
    return _make(settings.broker, settings)


def both(settings: Settings) -> tuple[Broker, Broker]:
    """Create RabbitMQ and Kafka, for a comparison. Raises WrongSetting if either has no address."""
    return _make("rabbitmq", settings), _make("kafka", settings)


def _make(name: BrokerName, settings: Settings) -> Broker:
    settings.check_address(name)
    match name:
        case "rabbitmq":
            return RabbitMQ(settings.rabbitmq_url)
        case "kafka":
            return Kafka(
                settings.kafka_bootstrap_servers,
                idempotence=settings.kafka_idempotence,
                replication=settings.kafka_replication,
                security=secured(settings),
            )
        case _:
            assert_never(name)
