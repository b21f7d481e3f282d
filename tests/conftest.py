"""Options and hooks for all tests: the broker to run on, and a SIGTERM that stops the servers too.

Nothing here imports a store's client, because tests without a store should not wait for that. The
stores' fixtures are a plugin, `tests.stage.stores.fixtures`; the folders that need stores load it.
"""

import signal

import pytest

from tests.stage import explorations

BROKERS = ("rabbitmq", "kafka")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that chooses the broker."""
    parser.addoption(
        "--broker",
        choices=BROKERS,
        help="run only the tests that need a broker, on this one (default: all tests, on RabbitMQ where possible)",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each `broker` and `platform` on the chosen broker, or on the one of the test's mark."""
    asked = metafunc.config.getoption("broker") or BROKERS[0]
    marks = {marker.name for marker in metafunc.definition.iter_markers()}
    special = [broker for broker in BROKERS if f"on_{broker}" in marks]
    for fixture in {"broker", "platform"}.intersection(metafunc.fixturenames):
        metafunc.parametrize(fixture, special or [asked], indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `--broker`, run only the tests that use that broker; without it, only one platform."""
    asked = config.getoption("broker")
    config.hook.pytest_deselected(items=[item for item in items if not _is_asked(item, asked)])
    items[:] = [item for item in items if _is_asked(item, asked)]


def _is_asked(item: pytest.Item, asked: str | None) -> bool:
    runs_on = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    if asked is None:
        return bool(runs_on.get("platform", BROKERS[0]) == BROKERS[0])
    return asked in (runs_on.get("broker"), runs_on.get("platform"))


def pytest_configure() -> None:
    """Choose the size of explorations, and let SIGTERM (of `timeout`, of CI) act like Ctrl-C.

    The servers that run for the tests then end too.
    """
    explorations.load_profile()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
