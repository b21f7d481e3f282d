"""The platform while it runs, as end-to-end tests see it, whichever way it was brought up.

Its parts have the same names everywhere: gateway, purchase, relay, terminal-write, terminal-read, query, sandbox,
redis, rabbitmq or kafka, mysql, dynamodb.
"""

import time
from typing import Protocol

from infra_local.brokers import BrokerName

PATIENCE_SECONDS = 90
POLL_SECONDS = 0.05


class RunningPlatform(Protocol):
    """What runs, under a supervisor that starts again whatever dies of it."""

    @property
    def broker(self) -> BrokerName:
        """The name of the broker that it runs on."""

    @property
    def keeps_messages(self) -> bool:
        """Whether its broker has after a `kill -9` what it had confirmed before."""

    @property
    def url(self) -> str:
        """The gateway's."""

    def url_of(self, name: str) -> str:
        """Where this machine reaches a service or DynamoDB."""

    def log_of(self, name: str) -> str:
        """What a service, or a one-shot (setup, install), has said so far."""

    def process_ids(self) -> dict[str, int]:
        """The process of each part that runs or is being started again; 0 between two lives."""

    def is_ready(self, name: str) -> bool:
        """Whether it can do its work."""

    def send_kill(self, process_id: int) -> None:
        """`kill -9`."""

    def stop(self, name: str) -> None:
        """Let it end, and not come back."""

    def start(self, name: str) -> None:
        """Start what was stopped; does not wait."""

    def restart(self, name: str) -> None:
        """Let it end in order and start it again; does not wait until it is ready."""

    def bring_up_again(self) -> str:
        """What `./taskw up` does when all runs already; the gateway's address."""


def kill(platform: RunningPlatform, name: str) -> int:
    """`kill -9`; the id of the process that died."""
    process_id = living(platform, name)
    platform.send_kill(process_id)
    return process_id


def living(platform: RunningPlatform, name: str) -> int:
    """Its process, waited for between two lives."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (process_id := platform.process_ids().get(name, 0)):
        assert time.monotonic() < deadline, f"{name} did not come back"
        time.sleep(POLL_SECONDS)
    return process_id


def wait_until_ready(platform: RunningPlatform, name: str, *, not_process: int = 0) -> None:
    """Until it is ready, in another life than the one that had this process id."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while living(platform, name) == not_process or not platform.is_ready(name):
        assert time.monotonic() < deadline, f"{name} is not ready"
        time.sleep(POLL_SECONDS)


def restart(platform: RunningPlatform, name: str) -> None:
    """Let it end in order, start it again, and wait until it is ready."""
    process_id = living(platform, name)
    platform.restart(name)
    wait_until_ready(platform, name, not_process=process_id)
