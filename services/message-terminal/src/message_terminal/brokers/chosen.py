"""The broker that the settings name."""

from message_terminal.brokers import Broker
from message_terminal.brokers.rabbitmq import RabbitMQ
from message_terminal.settings import Settings


def choose(settings: Settings) -> Broker:
    """The broker that BROKER names; nothing is connected yet."""
    return RabbitMQ(settings.rabbitmq_url)
