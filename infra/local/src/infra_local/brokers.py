"""The brokers that the platform can run on, and the one that was used last."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

BrokerName = Literal["rabbitmq", "kafka"]
BROKERS: tuple[BrokerName, ...] = get_args(BrokerName)
DEFAULT_BROKER: BrokerName = "rabbitmq"
TITLES = {"rabbitmq": "RabbitMQ", "kafka": "Kafka"}


@dataclass(frozen=True)
class LastBroker:
    """The broker of the last run, stored in a file; DEFAULT_BROKER before the first run."""

    path: Path

    @property
    def name(self) -> BrokerName:
        return cast("BrokerName", self.path.read_text()) if self.is_chosen else DEFAULT_BROKER

    @property
    def is_chosen(self) -> bool:
        """Whether there was a run before."""
        return self.path.exists()

    def remember(self, name: BrokerName) -> None:
        """Store this broker as the last one."""
        self.path.write_text(name)
