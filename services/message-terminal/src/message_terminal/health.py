"""Health, for supervisors and load balancers; the gateway does not expose it."""

from collections.abc import Mapping

from faststream.asgi import AsgiResponse, get
from faststream.asgi.handlers import GetHandler

from message_terminal.readiness import Check, readiness

_JSON = {"content-type": "application/json"}


@get
async def live(_: object) -> AsgiResponse:
    """Answer: the process runs."""
    return AsgiResponse(b'{"status":"live"}', 200, _JSON)


def ready(checks: Mapping[str, Check]) -> GetHandler:
    """Return a handler that answers 200 when every check passes, else 503."""

    @get
    async def answer(_: object) -> AsgiResponse:
        status, body = await readiness(checks)
        return AsgiResponse(body, status, _JSON)

    return answer
