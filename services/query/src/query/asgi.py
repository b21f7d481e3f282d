"""ASGI wrappers around the whole application: HEAD requests, and how long queries take."""

import time
from typing import cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from query.metrics import query_seconds


def with_head(application: ASGIApp) -> ASGIApp:
    """Answer HEAD like GET; the server omits the body."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await application(cast("Scope", {**scope, "method": "GET"}) if _is_head(scope) else scope, receive, send)

    return answer


def timed(application: ASGIApp) -> ASGIApp:
    """Measure how long each query takes, by its operation id."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        try:
            await application(scope, receive, send)
        finally:
            if operation_id := getattr(scope.get("route_handler"), "operation_id", None):
                query_seconds.labels(operation_id).observe(time.perf_counter() - started)

    return answer


def _is_head(scope: Scope) -> bool:
    return scope["type"] == ScopeType.HTTP and scope["method"] == "HEAD"
