"""Whether this process runs, and whether it can do its work."""

from litestar import get
from litestar.response.base import ASGIResponse

from purchase.http.services import Caller, services_of


@get("/health/live", include_in_schema=False)
async def live() -> dict[str, str]:
    """The process runs."""
    return {"status": "live"}


@get("/health/ready", include_in_schema=False)
async def ready(request: Caller) -> ASGIResponse:
    """Redis answers, and every partition has its outbox."""
    if await services_of(request).partitions.ready():
        return ASGIResponse(body=b'{"status":"ready"}')
    return ASGIResponse(body=b'{"status":"waiting for redis"}', status_code=503)


handlers = [live, ready]
