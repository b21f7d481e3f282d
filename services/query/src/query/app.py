"""The query service: `python -m query.app` serves it."""

from litestar import Litestar
from litestar.types import ASGIApp

from query.api import queries
from query.asgi import timed, with_head
from query.database import Database
from query.freshness import Freshness
from query.health import health
from query.openapi import assets, openapi
from query.problems import plugin
from query.process import configure_logging, server
from query.reads import Reads
from query.settings import Settings
from query.tracing import tracing


def build(settings: Settings) -> ASGIApp:
    """Build the application; it connects to MySQL with the first query."""
    database = Database(settings.mysql_url)
    freshness = Freshness(database, settings.partitions)
    application = Litestar(
        route_handlers=[
            queries(Reads(database), freshness),
            health(database, partitions=settings.partitions),
            assets(),
        ],
        plugins=[plugin(), *tracing(settings.otel_exporter_otlp_endpoint)],
        openapi_config=openapi(),
        on_shutdown=[database.close],
        logging_config=None,
    )
    return with_head(timed(application))


def main() -> None:
    """Serve until the process is stopped."""
    settings = Settings.read()
    configure_logging(settings.logging_config)
    server(build(settings), settings).run()


if __name__ == "__main__":
    main()
