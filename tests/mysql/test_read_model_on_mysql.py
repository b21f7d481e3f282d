"""The tests of the read model's projector, on MySQL instead of MariaDB."""

from tests.integration.message_terminal.read_model.test_projector import *  # noqa: F403 - all of its tests
