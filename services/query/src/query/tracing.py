"""Traces, sent to OTEL_EXPORTER_OTLP_ENDPOINT: one span per operation, in its caller's trace."""

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

from query.settings import SERVICE

EXPORT_SECONDS = 5.0
CLOSE_SECONDS = 2.0
SPANS_WAITING_MAX = 2_048
"""Further spans are dropped."""


def tracing(endpoint: str | None) -> list["Tracing"]:
    """Return the plugin, or none without an endpoint: then tracing costs nothing."""
    return [] if endpoint is None else [Tracing(endpoint)]


class Tracing(InitPlugin):
    """The plugin that makes and sends the spans, and adds the `traceparent` to log records."""

    def __init__(self, endpoint: str) -> None:
        self._provider = _start_provider(endpoint)
        self._tracer = self._provider.get_tracer(__name__)

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        app_config.middleware.append(Traced(self._tracer))
        app_config.on_shutdown.append(self.close)
        for handler in logging.getLogger().handlers:
            handler.addFilter(_add_traceparent)
        return app_config

    async def close(self) -> None:
        """Send the remaining spans."""
        await _close_provider(self._provider)


class Traced(ASGIMiddleware):
    """The middleware that handles each operation within a span."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        operation = getattr(scope["route_handler"], "operation_id", None)
        if scope["type"] != ScopeType.HTTP or operation is None:  # health, metrics and pages
            await next_app(scope, receive, send)
            return
        # The route, never the path: a path may contain a secret, such as the id of a hold.
        attributes = {"http.request.method": scope["method"], "http.route": scope["path_template"]}
        caller = _propagator.extract(
            {name.decode("latin-1"): text.decode("latin-1") for name, text in scope["headers"]}
        )
        with self._tracer.start_as_current_span(operation, caller, SpanKind.SERVER, attributes) as span:

            async def send_and_record_status(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= 500:
                        span.set_status(StatusCode.ERROR)
                await send(message)

            await next_app(scope, receive, send_and_record_status)


def _start_provider(endpoint: str) -> TracerProvider:
    """Return a provider that sends this service's spans to the collector at `endpoint`."""
    exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_SECONDS)
    provider = TracerProvider(resource=Resource.create({"service.name": SERVICE}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=SPANS_WAITING_MAX))
    return provider


async def _close_provider(provider: TracerProvider) -> None:
    """Send the remaining spans; wait at most CLOSE_SECONDS for the collector."""
    closing = threading.Thread(target=provider.shutdown, daemon=True)
    closing.start()
    await asyncio.to_thread(closing.join, CLOSE_SECONDS)


def _add_traceparent(record: logging.LogRecord) -> bool:
    """Add the `traceparent` of the current span to a log record that has none."""
    if (traceparent := _current_span().get("traceparent")) and not hasattr(record, "traceparent"):
        record.traceparent = traceparent
    return True


def _current_span() -> dict[str, str]:
    """Return the W3C headers of the current span, {} without one."""
    headers: dict[str, str] = {}
    _propagator.inject(headers)
    return headers


_propagator = TraceContextTextMapPropagator()
