"""Health and metrics, for supervisors and Prometheus; the gateway does not expose them."""

from litestar import Response, Router, get
from litestar.response.base import ASGIResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from query.database import Database, Overloaded, ReadModelUnavailable
from query.readiness import NotReady, readiness
from query.statements import PARTITIONS

READY_SECONDS = 1.0


@get("/health/live", sync_to_thread=False)
def live() -> dict[str, str]:
    """Answer: the process runs."""
    return {"status": "live"}


@get("/metrics", sync_to_thread=False)
def metrics() -> Response[bytes]:
    """Return the metrics in Prometheus's text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def health(database: Database, *, partitions: int) -> Router:
    """Return the router of health and metrics."""

    async def check_read_model() -> None:
        try:
            rows = await database.fetch(PARTITIONS, seconds=READY_SECONDS)
        except (ReadModelUnavailable, Overloaded) as error:
            raise NotReady(type(error).__doc__) from error
        if rows[0].partitions != partitions:
            raise NotReady(f"The read model has {rows[0].partitions} partitions, not {partitions}.")

    @get("/health/ready")
    async def ready() -> ASGIResponse:
        """Answer 200 when the read model answers and has `partitions` partitions, else 503."""
        status, body = await readiness({"read_model": check_read_model})
        return ASGIResponse(body=body, status_code=status, media_type="application/json")

    return Router("/", route_handlers=[live, ready, metrics], include_in_schema=False)
