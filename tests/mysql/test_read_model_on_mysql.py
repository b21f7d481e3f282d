"""All that holds for the read model's projector holds on MySQL as on MariaDB."""

from tests.integration.terminal.test_read_model import *  # noqa: F403 - every one of them
