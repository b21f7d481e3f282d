"""Whether the process runs, and whether it can do its work; what it counts. Not public."""

from litestar import Response, Router, get
from litestar.di import NamedDependency, Provide
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from query.database import Database, Overloaded, ReadModelUnavailable
from query.statements import ANY_POSITION

READY_SECONDS = 1.0


@get("/health/live", sync_to_thread=False)
def live() -> dict[str, str]:
    return {"status": "live"}


@get("/health/ready")
async def ready(database: NamedDependency[Database]) -> Response[dict[str, str]]:
    """Ready when the read model answers and has been set up."""
    try:
        rows = await database.fetch(ANY_POSITION, seconds=READY_SECONDS)
    except (ReadModelUnavailable, Overloaded) as error:
        return _not_ready(type(error).__doc__ or "")
    return Response({"status": "ready"}) if rows else _not_ready("The read model has not been set up.")


@get("/metrics", sync_to_thread=False)
def metrics() -> Response[bytes]:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def health(database: Database) -> Router:
    """The pages for supervisors and Prometheus."""
    return Router(
        "/",
        route_handlers=[live, ready, metrics],
        dependencies={"database": Provide(lambda: database, sync_to_thread=False, use_cache=True)},
        include_in_schema=False,
    )


def _not_ready(reason: str) -> Response[dict[str, str]]:
    return Response({"status": "not ready", "reason": reason}, status_code=503)
