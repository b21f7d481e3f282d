"""Traces, sent to OTEL_EXPORTER_OTLP_ENDPOINT: one span per message, in its request's trace."""

import asyncio
import threading

from contracts.codec import Header
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from message_terminal.settings import SERVICE

EXPORT_SECONDS = 5.0
CLOSE_SECONDS = 2.0
SPANS_WAITING_MAX = 8_192
"""The spans of some batches; further spans are dropped."""


class Tracing:
    """The spans of projected messages, one for each model that projects a message."""

    def __init__(self, endpoint: str) -> None:
        self._provider = _start_provider(endpoint)
        self._tracer = self._provider.get_tracer(__name__)

    def projected(self, model: str, message: Header, begun_ns: int, refusal: str | None) -> None:
        """Record that a message was projected just now, or parked because of `refusal`.

        Only messages whose trace is sampled get a span.
        """
        if message.traceparent is None:
            return
        cause = _propagator.extract({"traceparent": message.traceparent})
        if not trace.get_current_span(cause).get_span_context().trace_flags.sampled:
            return
        attributes = {"model": model, "partition": message.partition, "position": message.position}
        span = self._tracer.start_span(
            f"project {message.type or 'unknown'}",
            cause,
            SpanKind.CONSUMER,
            {name: value for name, value in attributes.items() if value is not None},
            start_time=begun_ns,
        )
        if refusal is not None:
            span.set_status(StatusCode.ERROR, refusal)
        span.end()

    async def close(self) -> None:
        """Send the remaining spans."""
        await _close_provider(self._provider)


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


_propagator = TraceContextTextMapPropagator()
