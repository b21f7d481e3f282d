"""How the process starts: its log and its server."""

import json
import logging
import logging.config
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn

from payment_sandbox.settings import Settings

GRACE_SECONDS = 5
KEEP_ALIVE_SECONDS = 150
"""Longer than the gateway keeps an idle connection: it must not send a request on a closing one."""


def configure_logging(path: str | None) -> None:
    """Configure logging from the JSON file at `path`; without one, log plain lines from INFO up."""
    if path is None:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    else:
        logging.config.dictConfig({"disable_existing_loggers": False} | json.loads(Path(path).read_bytes()))


def serve(app: Callable[..., Any], settings: Settings) -> None:
    """Serve until the process is stopped; requests in progress are finished first."""
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
