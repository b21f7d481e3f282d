"""How every process of purchase starts: its log and its server."""

import json
import logging
import logging.config
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn

from purchase.settings import Settings

GRACE_SECONDS = 10

KEEP_ALIVE_SECONDS = 150
"""Longer than the gateway keeps an idle connection, so that it never sends an order down one that is being closed."""


def configure_logging(settings: Settings) -> None:
    """As the file says that LOGGING_CONFIG names; else plainly."""
    if settings.logging_config is None:
        logging.basicConfig(level=logging.INFO)
    else:
        logging.config.dictConfig(json.loads(Path(settings.logging_config).read_text()))


def serve(app: Callable[..., Any], settings: Settings) -> None:
    """Listen until told to end; requests under way are finished."""
    uvicorn.run(
        app,
        host=settings.http_host,
        port=settings.http_port,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
