"""The broker that the settings name."""

from purchase.brokers import Broker
from purchase.brokers.rabbitmq import RabbitMQ
from purchase.settings import Settings


def choose(settings: Settings) -> Broker:
    """The broker that BROKER names; nothing is connected yet."""
    return RabbitMQ(settings.rabbitmq_url)
