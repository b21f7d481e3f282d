"""Traces, sent where OTEL_EXPORTER_OTLP_ENDPOINT says: what became of each message, in the trace of what caused it."""

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

EXPORT_SECONDS = 5.0
CLOSE_SECONDS = 2.0
SPANS_WAITING_MAX = 8_192
"""Those of some batches; what is more is dropped."""


class Tracing:
    """Makes the spans and sends them."""

    def __init__(self, endpoint: str) -> None:
        exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_SECONDS)
        resource = Resource.create({"service.name": "message-terminal"})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=SPANS_WAITING_MAX))
        self._tracer = self._provider.get_tracer(__name__)

    def projected(self, model: str, message: Header, begun_ns: int, refusal: str | None) -> None:
        """A message was taken in just now, or parked because of `refusal`: told if its trace is recorded at all."""
        if message.traceparent is None:
            return
        cause = _propagator.extract({"traceparent": message.traceparent})
        if not trace.get_current_span(cause).get_span_context().trace_flags.sampled:
            return
        told = {"model": model, "partition": message.partition, "position": message.position}
        span = self._tracer.start_span(
            f"project {message.type or 'unknown'}",
            cause,
            SpanKind.CONSUMER,
            {name: value for name, value in told.items() if value is not None},
            start_time=begun_ns,
        )
        if refusal is not None:
            span.set_status(StatusCode.ERROR, refusal)
        span.end()

    async def close(self) -> None:
        """Send what waits; whoever does not take it is not waited for."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        await asyncio.to_thread(closing.join, CLOSE_SECONDS)


_propagator = TraceContextTextMapPropagator()
