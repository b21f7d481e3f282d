"""The number of statements that reach a real MySQL; MariaDB counts others."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Load the fixtures of the stores and of the read model's projector."""
    for plugin in ("fixtures", "projector_fixtures"):
        config.pluginmanager.import_plugin(f"tests.stage.stores.{plugin}")
