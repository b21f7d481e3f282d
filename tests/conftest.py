"""What every test may have: the broker that was asked for, and an end that stops the servers too.

Nothing here imports a client of a store, because tests that need no store should not wait for it. The stores' fixtures
are a plugin, `tests.stage.stores.fixtures`, which the folders that need stores load.
"""

import signal

import pytest

from tests.stage import explorations

BROKERS = ("rabbitmq", "kafka")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which broker tests run on that can run on either."""
    parser.addoption(
        "--broker",
        choices=BROKERS,
        help="run what needs a broker on this one, and nothing else (without: everything, on RabbitMQ where it may)",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for a `wire` or for the `platform` has one on the broker that was asked for."""
    asked = metafunc.config.getoption("broker") or BROKERS[0]
    marks = {marker.name for marker in metafunc.definition.iter_markers()}
    special = [broker for broker in BROKERS if f"on_{broker}" in marks]
    for fixture in {"wire", "platform"}.intersection(metafunc.fixturenames):
        metafunc.parametrize(fixture, special or [asked], indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where one broker was asked for, what has nothing to do with it does not run; and there is one platform."""
    asked = config.getoption("broker")
    config.hook.pytest_deselected(items=[item for item in items if not _is_asked(item, asked)])
    items[:] = [item for item in items if _is_asked(item, asked)]


def _is_asked(item: pytest.Item, asked: str | None) -> bool:
    runs_on = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    if asked is None:
        return bool(runs_on.get("platform", BROKERS[0]) == BROKERS[0])
    return asked in (runs_on.get("wire"), runs_on.get("platform"))


def pytest_configure() -> None:
    """Choose how far explorations go; and let SIGTERM (of `timeout`, of CI) end the servers too, as Ctrl-C does."""
    explorations.load_profile()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
