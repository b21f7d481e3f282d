"""How the process starts: its log and its server."""

import json
import logging
import logging.config
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn

from message_terminal.settings import Settings

GRACE_SECONDS = 1


def configure_logging(path: str | None) -> None:
    """Configure logging from the JSON file at `path`; without one, log plain lines from INFO up."""
    if path is None:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    else:
        logging.config.dictConfig({"disable_existing_loggers": False} | json.loads(Path(path).read_bytes()))


def server(app: Callable[..., Any], settings: Settings) -> uvicorn.Server:
    """Return the server of health and metrics."""
    config = uvicorn.Config(
        app,
        host=settings.http_host,
        port=settings.http_port,
        lifespan="on",
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    return uvicorn.Server(config)
