"""Tests on real stores: here the stores' fixtures are loaded."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Load the fixtures of the stores, once for all folders that need them."""
    config.pluginmanager.import_plugin("tests.stage.stores.fixtures")
