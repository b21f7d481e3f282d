"""The brokers that the platform can run on, and the one in which a way of running it has left its messages."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

BrokerName = Literal["rabbitmq", "kafka"]
BROKERS: tuple[BrokerName, ...] = get_args(BrokerName)
DEFAULT_BROKER: BrokerName = "rabbitmq"
TITLES = {"rabbitmq": "RabbitMQ", "kafka": "Kafka"}


@dataclass(frozen=True)
class LastBroker:
    """The one of last time, remembered in a file; the default where nobody has chosen yet."""

    path: Path

    @property
    def name(self) -> BrokerName:
        return cast("BrokerName", self.path.read_text()) if self.is_chosen else DEFAULT_BROKER

    @property
    def is_chosen(self) -> bool:
        """Whether there was a last time."""
        return self.path.exists()

    def remember(self, name: BrokerName) -> None:
        """From now on it is this one."""
        self.path.write_text(name)
