"""Which way the platform is run, and on which broker: what was asked for, else what data and machine suggest."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from infra_local.brokers import BrokerName, LastBroker
from infra_local.cli import CannotRun, choose_broker
from infra_local.ways import choose
from rich.console import Console


@dataclass
class SomeWay:
    name: str
    words: str = ""
    runs: bool = False
    broker: LastBroker = field(default_factory=lambda: LastBroker(Path("nowhere")))

    def about(self, broker: BrokerName) -> str:
        return broker

    def keeps(self, broker: BrokerName) -> bool:
        return broker != "kafka"

    def is_running(self) -> bool:
        return self.runs

    def addresses(self) -> Mapping[str, str]:
        return {}

    def clear(self) -> None: ...

    def bring_up(self, broker: BrokerName, console: Console) -> None: ...

    def take_down(self, console: Console, *, purge: bool) -> None: ...

    def follow_logs(self) -> None: ...


@pytest.mark.parametrize(
    ("asked", "runs", "last", "engine", "taken", "why"),
    [
        (None, None, None, True, "docker", "a Docker engine answers here"),
        (None, None, None, False, "private", "no Docker engine with Docker Compose answers here"),
        (None, None, "private", True, "private", "as last time, so that its data are there"),
        (None, None, "docker", True, "docker", "as last time, so that its data are there"),
        (None, None, "docker", False, "private", "no Docker engine with Docker Compose answers here"),
        (None, "private", "docker", True, "private", "it runs already"),
        (None, "docker", None, True, "docker", "it runs already"),
        ("private", None, "docker", True, "private", "you asked for it"),
        ("docker", None, "private", False, "docker", "you asked for it"),
    ],
)
def test_the_way_is_chosen_and_the_reason_told(
    asked: str | None, runs: str | None, last: str | None, engine: bool, taken: str, why: str
) -> None:
    both = [SomeWay(name, runs=name == runs) for name in ("docker", "private")]
    choice = choose(both, asked=asked, last=last, engine_answers=lambda: engine)
    assert (choice.way.name, choice.why) == (taken, why)


@pytest.fixture
def way(tmp_path: Path) -> SomeWay:
    """One that forgets what is in Kafka."""
    return SomeWay("some", broker=LastBroker(tmp_path / "broker"))


@pytest.mark.parametrize(
    ("last", "asked", "taken"),
    [
        (None, None, "rabbitmq"),
        (None, "kafka", "kafka"),
        ("kafka", None, "kafka"),
        ("kafka", "rabbitmq", "rabbitmq"),
        ("rabbitmq", "rabbitmq", "rabbitmq"),
    ],
)
def test_the_broker_is_that_which_was_asked_for_or_that_of_last_time(
    way: SomeWay, last: BrokerName | None, asked: BrokerName | None, taken: BrokerName
) -> None:
    if last:
        way.broker.remember(last)
    assert choose_broker(way, asked) == taken


def test_a_broker_that_may_keep_messages_is_not_left_for_another(way: SomeWay) -> None:
    way.broker.remember("rabbitmq")
    with pytest.raises(CannotRun, match="RabbitMQ may keep messages"):
        choose_broker(way, "kafka")


def test_the_broker_is_not_changed_under_a_platform_that_runs(way: SomeWay) -> None:
    way.broker.remember("kafka")
    way.runs = True
    with pytest.raises(CannotRun, match="runs already, on Kafka"):
        choose_broker(way, "rabbitmq")
