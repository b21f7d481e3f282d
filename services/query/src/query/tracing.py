"""Traces, sent to OTEL_EXPORTER_OTLP_ENDPOINT: one span per query, in its caller's trace."""

import asyncio
import logging
import threading

from litestar.config.app import AppConfig
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.plugins import InitPlugin
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

EXPORT_SECONDS = 5.0
CLOSE_SECONDS = 2.0


def tracing(endpoint: str | None) -> list["Tracing"]:
    """Return the plugin, or none without an endpoint: then tracing costs nothing."""
    return [] if endpoint is None else [Tracing(endpoint)]


class Tracing(InitPlugin):
    """The plugin that makes and sends the spans, and adds the `traceparent` to log records."""

    def __init__(self, endpoint: str) -> None:
        exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_SECONDS)
        resource = Resource.create({"service.name": "query"})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        app_config.middleware.append(Traced(self._provider.get_tracer(__name__)))
        app_config.on_shutdown.append(self._close)
        for handler in logging.getLogger().handlers:
            handler.addFilter(_add_traceparent)
        return app_config

    async def _close(self) -> None:
        """Send the remaining spans; wait at most CLOSE_SECONDS for the collector."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        await asyncio.to_thread(closing.join, CLOSE_SECONDS)


class Traced(ASGIMiddleware):
    """The middleware that answers each query within a span."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        query = getattr(scope["route_handler"], "operation_id", None)
        if scope["type"] != ScopeType.HTTP or query is None:  # health, metrics and pages
            await next_app(scope, receive, send)
            return
        attributes = {"http.request.method": scope["method"], "http.route": scope["path_template"]}
        caller = _propagator.extract(
            {name.decode("latin-1"): text.decode("latin-1") for name, text in scope["headers"]}
        )
        with self._tracer.start_as_current_span(query, caller, SpanKind.SERVER, attributes) as span:

            async def send_and_record_status(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= 500:
                        span.set_status(StatusCode.ERROR)
                await send(message)

            await next_app(scope, receive, send_and_record_status)


def _add_traceparent(record: logging.LogRecord) -> bool:
    """Add the `traceparent` of the current span to a log record."""
    headers: dict[str, str] = {}
    _propagator.inject(headers)
    if "traceparent" in headers:
        record.traceparent = headers["traceparent"]
    return True


_propagator = TraceContextTextMapPropagator()
