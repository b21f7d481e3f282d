"""Tests in several processes side by side (pytest-xdist): which share a process, in which order, on which ports."""

import os

import pytest
from infra_local import ports

from tests.stage.needs import fixtures_of, kind_of

LONGEST_FIRST = ("e2e", "integration", "contract", "unit")
COSTLY = ("platform", "rabbitmq")
"""Groups that share what takes long to start. The platform has a RabbitMQ of its own."""


def group_of(item: pytest.Item) -> str:
    """Return the group of a test, which one process runs: those with one costly fixture, or those of one file."""
    if "platform" in fixtures_of(item):
        return "platform"
    if "rabbitmq_server" in fixtures_of(item) or _broker_of(item) == "rabbitmq":
        return "rabbitmq"
    return item.nodeid.partition("::")[0]


def order_of(item: pytest.Item) -> tuple[int, bool]:
    """Return the place of a test in the order of all: a long group that began last would end alone."""
    kind = kind_of(item)
    place = LONGEST_FIRST.index(kind) if kind in LONGEST_FIRST else len(LONGEST_FIRST)
    return place, group_of(item) not in COSTLY


def is_side_by_side() -> bool:
    """Return whether this process is one of several."""
    return "PYTEST_XDIST_WORKER" in os.environ


def keep_to_own_ports() -> None:
    """Choose ports from this process's own share: two that start a server at a time would else choose the same."""
    worker, workers = os.environ["PYTEST_XDIST_WORKER"], int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    share = (ports.HIGHEST - ports.LOWEST) // workers
    lowest = ports.LOWEST + int(worker.removeprefix("gw")) * share
    ports.LOWEST, ports.HIGHEST = lowest, lowest + share


def _broker_of(item: pytest.Item) -> object:
    return (
        item.callspec.params.get("broker") if isinstance(item, pytest.Function) and hasattr(item, "callspec") else None
    )
