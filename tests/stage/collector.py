"""A collector of traces, which receives spans as OTLP over HTTP and shows them to tests."""

import asyncio
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2

DEADLINE_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Span:
    """A span of a trace. Times are in nanoseconds since 1970."""

    service: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: Mapping[str, str | int]
    failure: str | None
    start_ns: int
    end_ns: int


class Collector:
    """A collector that stores the spans of all services."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._spans: list[Span] = []
        self._arrived = threading.Condition()

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which a process exports its spans here, and soon."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}

    def receive(self, body: bytes) -> None:
        """Store the spans of one request."""
        with self._arrived:
            for of_service in ExportTraceServiceRequest.FromString(body).resource_spans:
                service = str(_values(of_service.resource.attributes)["service.name"])
                self._spans += [_read(service, span) for scope in of_service.scope_spans for span in scope.spans]
            self._arrived.notify_all()

    async def spans(self, trace_id: str, count: int = 1) -> list[Span]:
        """Wait until this trace has `count` spans, and return all of its spans."""
        assert await asyncio.to_thread(self._wait_for, trace_id, count), (
            f"fewer than {count} spans arrived: {self._spans}"
        )
        return self.spans_by_now(trace_id)

    def spans_by_now(self, trace_id: str) -> list[Span]:
        """Return the spans of this trace that have arrived."""
        return [span for span in self._spans if span.trace_id == trace_id]

    def traces_by_now(self) -> set[str]:
        """Return the ids of the traces of which a span has arrived."""
        return {span.trace_id for span in self._spans}

    def _wait_for(self, trace_id: str, count: int) -> bool:
        with self._arrived:
            return self._arrived.wait_for(lambda: len(self.spans_by_now(trace_id)) >= count, DEADLINE_SECONDS)


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that listens on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            collector.receive(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(ExportTraceServiceResponse().SerializeToString())

        def log_message(self, *_: object) -> None:
            """Log nothing, because the collector stores every span."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector = Collector(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield collector
        server.shutdown()


def _read(service: str, span: trace_pb2.Span) -> Span:
    return Span(
        service=service,
        name=span.name,
        kind=trace_pb2.Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        attributes=_values(span.attributes),
        failure=span.status.message if span.status.code == trace_pb2.Status.STATUS_CODE_ERROR else None,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
    )


def _values(attributes: Iterable[KeyValue]) -> dict[str, str | int]:
    return {one.key: _value(one.value) for one in attributes}


def _value(value: AnyValue) -> str | int:
    return value.int_value if value.HasField("int_value") else value.string_value
