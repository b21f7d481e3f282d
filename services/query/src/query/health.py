"""Health and metrics, for supervisors and Prometheus; the gateway does not expose them."""

from litestar import Response, Router, get
from litestar.di import NamedDependency, Provide
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from query.database import Database, Overloaded, ReadModelUnavailable
from query.settings import Settings
from query.statements import PARTITIONS

READY_SECONDS = 1.0


@get("/health/live", sync_to_thread=False)
def live() -> dict[str, str]:
    return {"status": "live"}


@get("/health/ready")
async def ready(database: NamedDependency[Database], settings: NamedDependency[Settings]) -> Response[dict[str, str]]:
    """Ready when the read model answers and has as many partitions as this process expects."""
    try:
        rows = await database.fetch(PARTITIONS, seconds=READY_SECONDS)
    except (ReadModelUnavailable, Overloaded) as error:
        return _not_ready(type(error).__doc__ or "")
    if rows[0].partitions != settings.partitions:
        return _not_ready(f"The read model has {rows[0].partitions} partitions, not {settings.partitions}.")
    return Response({"status": "ready"})


@get("/metrics", sync_to_thread=False)
def metrics() -> Response[bytes]:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def health(database: Database, settings: Settings) -> Router:
    """Return the router of these pages."""
    return Router(
        "/",
        route_handlers=[live, ready, metrics],
        dependencies={
            "database": Provide(lambda: database, sync_to_thread=False, use_cache=True),
            "settings": Provide(lambda: settings, sync_to_thread=False, use_cache=True),
        },
        include_in_schema=False,
    )


def _not_ready(reason: str) -> Response[dict[str, str]]:
    return Response({"status": "not ready", "reason": reason}, status_code=503)
