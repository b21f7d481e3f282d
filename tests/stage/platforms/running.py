"""A running platform, with one interface for private instances and for containers.

Its parts have the same names in both: gateway, purchase, relay, terminal-write, terminal-read,
query, sandbox, redis, rabbitmq or kafka, mysql, dynamodb.
"""

import time
from typing import Protocol

from infra_local.brokers import BrokerName

PATIENCE_SECONDS = 90
POLL_SECONDS = 0.05


class RunningPlatform(Protocol):
    """A running platform, whose supervisor restarts each part that dies."""

    @property
    def broker(self) -> BrokerName:
        """The broker that the platform runs on."""

    @property
    def keeps_messages(self) -> bool:
        """Return whether the broker still has its confirmed messages after a `kill -9`."""

    @property
    def url(self) -> str:
        """The gateway's URL."""

    def url_of(self, name: str) -> str:
        """Return the URL at which this machine reaches a service or DynamoDB."""

    def log_of(self, name: str) -> str:
        """Return the log so far of a service, or of a one-shot (setup, install)."""

    def process_ids(self) -> dict[str, int]:
        """Return the process id of each running part; 0 while a part is being restarted."""

    def is_ready(self, name: str) -> bool:
        """Return whether this part can do its work."""

    def send_kill(self, process_id: int) -> None:
        """Kill this process with `kill -9`."""

    def stop(self, name: str) -> None:
        """Stop this part; it is not restarted."""

    def start(self, name: str) -> None:
        """Start a stopped part; do not wait until it is ready."""

    def restart(self, name: str) -> None:
        """Stop this part gracefully and start it; do not wait until it is ready."""

    def bring_up_again(self) -> str:
        """Run `./taskw up` on the running platform; return the gateway's URL."""


def kill(platform: RunningPlatform, name: str) -> int:
    """Kill this part with `kill -9`; return the id of the killed process."""
    process_id = process_id_of(platform, name)
    platform.send_kill(process_id)
    return process_id


def process_id_of(platform: RunningPlatform, name: str) -> int:
    """Return the process id of this part; while it is being restarted, wait for it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (process_id := platform.process_ids().get(name, 0)):
        assert time.monotonic() < deadline, f"{name} was not restarted"
        time.sleep(POLL_SECONDS)
    return process_id


def wait_until_ready(platform: RunningPlatform, name: str, *, not_process: int = 0) -> None:
    """Wait until this part is ready, in another process than the one with this id."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while process_id_of(platform, name) == not_process or not platform.is_ready(name):
        assert time.monotonic() < deadline, f"{name} is not ready"
        time.sleep(POLL_SECONDS)


def restart(platform: RunningPlatform, name: str) -> None:
    """Stop this part gracefully, start it, and wait until it is ready."""
    process_id = process_id_of(platform, name)
    platform.restart(name)
    wait_until_ready(platform, name, not_process=process_id)
