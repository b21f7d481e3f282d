"""Health, for supervisors and load balancers; the gateway does not expose it."""

from litestar import get
from litestar.response.base import ASGIResponse

from purchase.http.requests import HttpRequest
from purchase.http.services import services_of
from purchase.readiness import NotReady, readiness


@get("/health/live", include_in_schema=False)
async def live() -> dict[str, str]:
    """Answer: the process runs."""
    return {"status": "live"}


@get("/health/ready", include_in_schema=False)
async def ready(request: HttpRequest) -> ASGIResponse:
    """Answer 200 when Redis answers and every partition has its outbox, else 503."""
    partitions = services_of(request).partitions

    async def check_redis() -> None:
        if not await partitions.ready():
            raise NotReady("Redis does not answer, or a partition has no outbox")

    status, body = await readiness({"redis": check_redis})
    return ASGIResponse(body=body, status_code=status, media_type="application/json")


handlers = [live, ready]
