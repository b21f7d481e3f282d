"""The query service: `python -m query.app` serves it."""

import json
import logging.config
from pathlib import Path

import uvicorn
from litestar import Litestar
from litestar.types import ASGIApp

from query.api import queries
from query.asgi import timed, with_head
from query.database import Database
from query.freshness import Freshness
from query.health import health
from query.openapi import assets, openapi
from query.problems import plugin
from query.reads import Reads
from query.settings import Settings
from query.tracing import tracing

GRACE_SECONDS = 10
# Longer than the gateway keeps an idle connection, so that the gateway never sends a query on a
# connection that is being closed here.
KEEP_ALIVE_SECONDS = 150


def build(settings: Settings) -> ASGIApp:
    """Build the application; it connects to MySQL with the first query."""
    database = Database(settings.mysql_url)
    freshness = Freshness(database, settings.partitions)
    application = Litestar(
        route_handlers=[queries(Reads(database), freshness), health(database, settings), assets()],
        plugins=[plugin(), *tracing(settings.otel_exporter_otlp_endpoint)],
        openapi_config=openapi(),
        on_shutdown=[database.close],
        logging_config=None,
    )
    return with_head(timed(application))


def configure_logging(path: str | None) -> None:
    """Configure logging from the JSON file at `path`; without one, log plain lines."""
    if path is None:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    else:
        logging.config.dictConfig(json.loads(Path(path).read_bytes()))


def server(settings: Settings) -> uvicorn.Server:
    """Build the application and its server; a graceful shutdown finishes the running queries."""
    config = uvicorn.Config(
        build(settings),
        host=settings.http_host,
        port=settings.http_port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    return uvicorn.Server(config)


def main() -> None:
    """Serve until the process is stopped."""
    settings = Settings.read()
    configure_logging(settings.logging_config)
    server(settings).run()


if __name__ == "__main__":
    main()
