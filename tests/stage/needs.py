"""The needs of a test, read off its fixtures: a Redis at most, or other stores and processes."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import pytest

BEYOND_REDIS = {
    *("rabbitmq_server", "kafka_server", "kafka_servers", "mysql_server", "dynamodb_server", "broker"),
    *("private_redis", "private_rabbitmq", "private_kafka", "private_mysql", "private_dynamodb"),
    *("sandbox", "service", "platform"),
}
"""Fixtures that are another store, a store of the test's own, or a process of ours."""


def kind_of(item: pytest.Item) -> str:
    """Return the folder of tests/ in which a test is."""
    return item.path.relative_to(item.config.rootpath).parts[1]


def fixtures_of(item: pytest.Item) -> set[str]:
    """Return the names of all fixtures that a test has, directly or not."""
    return set(getattr(item, "fixturenames", ()))


def is_in_process(item: pytest.Item) -> bool:
    """Return whether a test needs nothing but this process and perhaps a Redis."""
    return kind_of(item) in ("unit", "contract") or is_redis_alone(item)


def is_redis_alone(item: pytest.Item) -> bool:
    """Return whether an integration test needs Redis and nothing else."""
    if kind_of(item) != "integration" or item.get_closest_marker("starts_processes"):
        return False
    return not fixtures_of(item) & BEYOND_REDIS


@contextmanager
def no_process() -> Iterator[None]:
    """Fail whatever starts a process meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess, "Popen", _fail)
        yield


def _fail(command: object, *_: object, **__: object) -> NoReturn:
    raise AssertionError(f"this test needs the marker starts_processes: it starts {command}")
