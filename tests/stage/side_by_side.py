"""Tests in several processes (`--numprocesses`): their groups, their order, and their ports."""

import os

from infra_local import ports

TOGETHER = {
    "the platform": ("tests/e2e/",),
    "rabbitmq": (
        "tests/integration/message_terminal/test_",
        "tests/integration/purchase/relay/",
        "tests/integration/infra/test_private_instances.py",
    ),
}
"""The tests that share a server which takes long to start: one process runs them all.

Other tests stay with those of their file. The longest come first: a group that began last would
end alone.
"""

LONGEST_FIRST = [*(path for paths in TOGETHER.values() for path in paths), "tests/integration/", "tests/contract/"]


def group_of(nodeid: str) -> str:
    """Return the group of a test."""
    return next((name for name, paths in TOGETHER.items() if nodeid.startswith(paths)), nodeid.partition("::")[0])


def place_of(nodeid: str) -> int:
    """Return the place of a test's group in the order of all."""
    return next((place for place, path in enumerate(LONGEST_FIRST) if nodeid.startswith(path)), len(LONGEST_FIRST))


def is_side_by_side() -> bool:
    """Return whether this process is one of several."""
    return "PYTEST_XDIST_WORKER" in os.environ


def keep_to_own_ports() -> None:
    """Choose ports from this process's share: two processes could choose the same port at once."""
    worker, workers = os.environ["PYTEST_XDIST_WORKER"], int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    share = (ports.HIGHEST - ports.LOWEST) // workers
    lowest = ports.LOWEST + int(worker.removeprefix("gw")) * share
    ports.LOWEST, ports.HIGHEST = lowest, lowest + share
