"""The fixtures of the read model's projector."""

import pytest

from tests.integration.message_terminal.conftest import engine, read_model, read_settings

__all__ = ["engine", "read_model", "read_settings"]


def pytest_configure(config: pytest.Config) -> None:
    """Load the fixtures of the stores, once for all folders that need them."""
    config.pluginmanager.import_plugin("tests.stage.stores.fixtures")
