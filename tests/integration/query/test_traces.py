"""Spans of queries in the traces of their callers."""

import secrets

import pytest
from query.settings import Settings

from tests.stage.collector import Collector, collecting
from tests.stage.processes.query import serve
from tests.stage.read_model import PARTITIONS, ticket_id

CALLER = "00f067aa0ba902b7"


async def query_and_stop(settings: Settings, collector: Collector, headers: dict[str, str]) -> None:
    """Get a ticket, a page, health and metrics; stop the service, so that it sends its spans."""
    traced = Settings(mysql_url=settings.mysql_url, partitions=PARTITIONS, otel_exporter_otlp_endpoint=collector.url)
    async with serve(traced) as client:
        for path in (f"/api/v1/tickets/{ticket_id(1)}", "/docs/query/openapi.json", "/health/ready", "/metrics"):
            assert (await client.get(path, headers=headers)).status_code in (200, 404)


@pytest.mark.usefixtures("read_model")
async def test_a_query_is_a_span_of_its_callers_trace_unlike_pages_and_health(settings: Settings) -> None:
    trace_id = secrets.token_hex(16)
    with collecting() as collector:
        await query_and_stop(settings, collector, {"traceparent": f"00-{trace_id}-{CALLER}-01"})
        (span,) = await collector.spans(trace_id)
    assert (span.service, span.name, span.kind, span.parent_id) == ("query", "readTicket", "SERVER", CALLER)
    assert span.failure is None
    assert span.attributes == {
        "http.request.method": "GET",
        "http.route": "/api/v1/tickets/{ticketId}",
        "http.response.status_code": 404,
    }


@pytest.mark.usefixtures("read_model")
async def test_a_query_is_no_span_if_its_caller_does_not_sample_the_trace(settings: Settings) -> None:
    with collecting() as collector:
        await query_and_stop(settings, collector, {"traceparent": f"00-{secrets.token_hex(16)}-{CALLER}-00"})
        assert collector.traces_by_now() == set()
