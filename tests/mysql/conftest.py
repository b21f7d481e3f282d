"""The read model's projector on a real MySQL."""

from tests.integration.terminal.conftest import engine, read_model, read_settings

__all__ = ["engine", "read_model", "read_settings"]
