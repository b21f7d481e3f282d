"""Traces, sent where OTEL_EXPORTER_OTLP_ENDPOINT says: a span for each command, in the trace of whoever gave it."""

import asyncio
import logging
import threading
from collections.abc import Iterable

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

Headers = Iterable[tuple[bytes, bytes]]


def tracing(endpoint: str | None) -> list["Tracing"]:
    """The plugin; none when there is nowhere to send traces to, and then they cost nothing."""
    return [] if endpoint is None else [Tracing(endpoint)]


class Tracing(InitPlugin):
    """Makes the spans, sends them, and lets log records say which trace they were made in."""

    def __init__(self, endpoint: str) -> None:
        exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_SECONDS)
        resource = Resource.create({"service.name": "purchase"})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        app_config.middleware.append(Traced(self._provider.get_tracer(__name__)))
        app_config.on_shutdown.append(self._close)
        for handler in logging.getLogger().handlers:
            handler.addFilter(_note_trace)
        return app_config

    async def _close(self) -> None:
        """Send what waits; whoever does not take it is not waited for."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        await asyncio.to_thread(closing.join, CLOSE_SECONDS)


class Traced(ASGIMiddleware):
    """Handles each command as if it came from its own span, whose `traceparent` the message then carries on."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        command = getattr(scope["route_handler"], "operation_id", None)
        if scope["type"] != ScopeType.HTTP or command is None:  # health, metrics and pages
            await next_app(scope, receive, send)
            return
        # Never the path itself: the id of a hold is a secret.
        attributes = {"http.request.method": scope["method"], "http.route": scope["path_template"]}
        caller = _propagator.extract(
            {name.decode("latin-1"): text.decode("latin-1") for name, text in scope["headers"]}
        )
        with self._tracer.start_as_current_span(command, caller, SpanKind.SERVER, attributes) as span:
            scope["headers"] = _from_current_span(scope["headers"])

            async def send_noting_status(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= 500:
                        span.set_status(StatusCode.ERROR)
                await send(message)

            await next_app(scope, receive, send_noting_status)


def _from_current_span(headers: Headers) -> list[tuple[bytes, bytes]]:
    """The headers of a request that the current span has made of one with these."""
    own = {name.encode(): text.encode() for name, text in _current_span().items()}
    return [*((name, text) for name, text in headers if name not in own), *own.items()]


def _note_trace(record: logging.LogRecord) -> bool:
    """Let a log record say what it was made for, unless it speaks of another trace."""
    if (traceparent := _current_span().get("traceparent")) and not hasattr(record, "traceparent"):
        record.traceparent = traceparent
    return True


def _current_span() -> dict[str, str]:
    """As W3C's headers tell it, `traceparent` and perhaps `tracestate`; empty where there is none."""
    told: dict[str, str] = {}
    _propagator.inject(told)
    return told


_propagator = TraceContextTextMapPropagator()
