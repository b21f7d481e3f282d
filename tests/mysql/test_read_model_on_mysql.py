"""All that holds for the read model's projector holds on MySQL as on MariaDB."""

from tests.integration.message_terminal.read_model.test_projector import *  # noqa: F403 - every one of them
