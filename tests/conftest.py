"""Options and hooks for all tests: the broker to run on, and a SIGTERM that stops the servers too.

Nothing here imports a store's client, because tests without a store should not wait for that. The
stores' fixtures are a plugin, `tests.stage.stores.fixtures`; the folders that need stores load it.
"""

import signal
from collections.abc import Generator
from contextlib import nullcontext
from typing import Any

import pytest

from tests.stage import explorations, needs, side_by_side

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


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark each test's needs; with `--broker`, run only the tests that use that broker.

    Without it, there is one platform.
    """
    for item in items:
        if needs.is_in_process(item):
            item.add_marker("in_process")
    if side_by_side.is_side_by_side():
        items.sort(key=lambda item: side_by_side.place_of(item.nodeid))
    asked = config.getoption("broker")
    config.hook.pytest_deselected(items=[item for item in items if not _is_asked(item, asked)])
    items[:] = [item for item in items if _is_asked(item, asked)]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Hold an integration test that says it needs Redis alone to its word."""
    with needs.no_process() if needs.is_redis_alone(item) else nullcontext():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Hold its own fixtures to it too."""
    is_own = fixturedef.scope == "function"
    with needs.no_process() if is_own and needs.is_redis_alone(request.node) else nullcontext():
        return (yield)


def _is_asked(item: pytest.Item, asked: str | None) -> bool:
    runs_on = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    if asked is None:
        return bool(runs_on.get("platform", BROKERS[0]) == BROKERS[0])
    return asked in (runs_on.get("broker"), runs_on.get("platform"))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each process one group of tests after another, in the order of the tests."""
    from xdist.scheduler import LoadScopeScheduling  # most runs need none

    class Groups(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
        def _split_scope(self, nodeid: str) -> str:
            return side_by_side.group_of(nodeid)

    config.option.loadscopereorder = False
    return Groups(config, log)


def pytest_configure() -> None:
    """Choose the size of explorations, and let SIGTERM (of `timeout`, of CI) act like Ctrl-C.

    The servers that run for the tests then end too.
    """
    explorations.load_profile()
    if side_by_side.is_side_by_side():
        side_by_side.keep_to_own_ports()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
