"""The choice of runtime and broker: as requested, else by the existing data and the machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from infra_local.brokers import BrokerName, LastBroker
from infra_local.cli import CannotRun, choose_broker
from infra_local.runtimes import choose
from rich.console import Console


@dataclass
class SomeRuntime:
    name: str
    description: str = ""
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
    ("asked", "runs", "last", "engine", "chosen", "why"),
    [
        (None, None, None, True, "docker", "a Docker engine is available"),
        (None, None, None, False, "private", "no Docker engine with Docker Compose is available"),
        (None, None, "private", True, "private", "as last time, where its data is"),
        (None, None, "docker", True, "docker", "as last time, where its data is"),
        (None, None, "docker", False, "private", "no Docker engine with Docker Compose is available"),
        (None, "private", "docker", True, "private", "it is already running"),
        (None, "docker", None, True, "docker", "it is already running"),
        ("private", None, "docker", True, "private", "as requested"),
        ("docker", None, "private", False, "docker", "as requested"),
    ],
)
def test_a_runtime_is_chosen_for_a_reason(
    asked: str | None, runs: str | None, last: str | None, engine: bool, chosen: str, why: str
) -> None:
    both = [SomeRuntime(name, runs=name == runs) for name in ("docker", "private")]
    choice = choose(both, asked=asked, last=last, engine_answers=lambda: engine)
    assert (choice.runtime.name, choice.why) == (chosen, why)


@pytest.fixture
def runtime(tmp_path: Path) -> SomeRuntime:
    """Return a runtime whose Kafka does not keep messages."""
    return SomeRuntime("some", broker=LastBroker(tmp_path / "broker"))


@pytest.mark.parametrize(
    ("last", "asked", "chosen"),
    [
        (None, None, "rabbitmq"),
        (None, "kafka", "kafka"),
        ("kafka", None, "kafka"),
        ("kafka", "rabbitmq", "rabbitmq"),
        ("rabbitmq", "rabbitmq", "rabbitmq"),
    ],
)
def test_the_broker_is_the_requested_one_or_that_of_the_last_run(
    runtime: SomeRuntime, last: BrokerName | None, asked: BrokerName | None, chosen: BrokerName
) -> None:
    if last:
        runtime.broker.remember(last)
    assert choose_broker(runtime, asked) == chosen


def test_a_broker_that_may_hold_messages_is_not_replaced(runtime: SomeRuntime) -> None:
    runtime.broker.remember("rabbitmq")
    with pytest.raises(CannotRun, match="RabbitMQ may still hold messages"):
        choose_broker(runtime, "kafka")


def test_the_broker_of_a_running_platform_is_not_changed(runtime: SomeRuntime) -> None:
    runtime.broker.remember("kafka")
    runtime.runs = True
    with pytest.raises(CannotRun, match="already running on Kafka"):
        choose_broker(runtime, "rabbitmq")
