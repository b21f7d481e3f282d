"""The span of a command in its caller's trace, and the trace context in its message."""

import json
import secrets
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from infra_local.running import RunningServer, log_file
from infra_local.servers import INFRA
from purchase.store import keys

from tests.stage.collector import Collector, collecting
from tests.stage.http_client import Json, PurchaseClient, open_client
from tests.stage.processes.purchase import Service, serving
from tests.stage.redis_state import RedisState, partition_of

CALLER = "00f067aa0ba902b7"
MUCH_LATER_MS = "600000"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    """The collector that receives the spans of the traced process."""
    with collecting() as own:
        yield own


@pytest.fixture(scope="module")
def traced(service: Service, collector: Collector) -> Iterator[RunningServer]:
    """A second process beside `service`, which sends traces to the collector."""
    logging = {"LOGGING_CONFIG": str(INFRA / "logging.json")}
    with serving(service.redis_url, **collector.environment, **logging) as running:
        yield running


def new_trace() -> str:
    return secrets.token_hex(16)


def sampled(trace_id: str) -> str:
    """Return the traceparent of a caller who records this trace."""
    return f"00-{trace_id}-{CALLER}-01"


def unsampled(trace_id: str) -> str:
    """Return the traceparent of a caller who does not record this trace."""
    return f"00-{trace_id}-{CALLER}-00"


async def call(url: str, method: str, path: str, traceparent: str | None, body: Json | None = None) -> httpx.Response:
    """Call a purchase process, as part of a trace."""
    headers = {} if traceparent is None else {"traceparent": traceparent}
    async with open_client(url) as client:
        return await client.http.request(method, path, json=body, headers=headers)


async def buy(url: str, order: Json, traceparent: str | None) -> httpx.Response:
    return await call(url, "POST", "/api/v1/tickets", traceparent, order)


def message_of(redis_state: RedisState, answer: httpx.Response) -> Any:
    """Return the message about this sale."""
    assert answer.status_code == 201, answer.text
    (message,) = redis_state.messages_about(answer.json()["ticketId"])
    return message


async def test_without_a_collector_the_message_has_the_trace_context_of_the_caller(
    client: PurchaseClient, redis_state: RedisState, service: Service
) -> None:
    event, traceparent = await client.put_on_sale(), sampled(new_trace())

    with_trace = await buy(service.url, event.seat("1", "a"), traceparent)
    without_trace = await buy(service.url, event.seat("1", "b"), None)

    assert message_of(redis_state, with_trace).traceparent == traceparent
    assert message_of(redis_state, without_trace).traceparent is None


async def test_a_purchase_is_a_span_of_its_callers_trace_and_its_message_names_the_span(
    client: PurchaseClient, redis_state: RedisState, traced: RunningServer, collector: Collector
) -> None:
    event, trace_id = await client.put_on_sale(), new_trace()

    answer = await buy(traced.url, event.seat(), sampled(trace_id))

    (span,) = await collector.spans(trace_id)
    assert (span.service, span.name, span.kind, span.parent_id) == ("purchase", "purchaseTicket", "SERVER", CALLER)
    assert span.failure is None
    assert span.attributes == {
        "http.request.method": "POST",
        "http.route": "/api/v1/tickets",
        "http.response.status_code": 201,
    }
    assert message_of(redis_state, answer).traceparent == f"00-{trace_id}-{span.span_id}-01"


async def test_a_purchase_without_a_trace_begins_one(
    client: PurchaseClient, redis_state: RedisState, traced: RunningServer, collector: Collector
) -> None:
    event = await client.put_on_sale()

    answer = await buy(traced.url, event.seat(), None)

    _, trace_id, span_id, flags = message_of(redis_state, answer).traceparent.split("-")
    (span,) = await collector.spans(trace_id)
    assert (span.span_id, span.parent_id) == (span_id, "")
    assert int(flags, 16) & 1, "the trace is recorded, and so are the spans that the message causes"


async def test_the_span_of_a_refusal_has_its_status_and_no_failure(
    client: PurchaseClient, traced: RunningServer, collector: Collector
) -> None:
    event, trace_id = await client.put_on_sale(), new_trace()

    await buy(traced.url, event.seat("1", "a", zoneId=9), sampled(trace_id))
    await buy(traced.url, {}, sampled(trace_id))

    spans = await collector.spans(trace_id, 2)
    assert [(span.attributes["http.response.status_code"], span.failure) for span in spans] == [
        (404, None),
        (400, None),
    ]


async def test_a_span_names_the_route_and_never_the_id_in_the_path(
    client: PurchaseClient, redis_state: RedisState, traced: RunningServer, collector: Collector
) -> None:
    event, trace_id = await client.put_on_sale(), new_trace()
    ticket = await client.bought(event.seat())
    headers = {"Receipt": ticket["receipt"], "traceparent": sampled(trace_id)}

    async with open_client(traced.url) as other:
        await other.cancel(ticket, **headers)

    (span,) = await collector.spans(trace_id)
    assert (span.name, span.attributes["http.route"]) == ("cancelTicket", "/api/v1/tickets/{ticketId}")
    assert ticket["ticketId"] not in str(span)
    assert redis_state.messages_about(ticket["ticketId"])[-1].traceparent == f"00-{trace_id}-{span.span_id}-01"


async def test_unrecorded_traces_health_and_metrics_have_no_spans(
    client: PurchaseClient, redis_state: RedisState, traced: RunningServer, collector: Collector
) -> None:
    event, silent, last = await client.put_on_sale(), new_trace(), new_trace()

    answer = await buy(traced.url, event.seat("1", "a"), unsampled(silent))
    for path in ("/health/live", "/health/ready", "/metrics"):
        assert (await call(traced.url, "GET", path, sampled(silent))).status_code == 200
    await buy(traced.url, event.seat("1", "b"), sampled(last))

    await collector.spans(last)
    assert collector.spans_by_now(silent) == []
    _, trace_id, _, flags = message_of(redis_state, answer).traceparent.split("-")
    assert (trace_id, flags) == (silent, "00")


async def test_the_span_of_a_failure_says_so_and_its_log_line_names_the_trace(
    client: PurchaseClient, redis_state: RedisState, traced: RunningServer, collector: Collector
) -> None:
    event, trace_id = await client.put_on_sale(), new_trace()
    redis_state.redis.hset(keys.event(partition_of(event.event_id), event.event_id), "definition", b"no event at all")

    answer = await buy(traced.url, event.seat(), sampled(trace_id))

    assert answer.status_code == 500
    (span,) = await collector.spans(trace_id)
    assert span.failure is not None
    lines = [
        json.loads(line) for line in log_file(traced.server).read_text().splitlines() if "a command failed" in line
    ]
    assert [line["traceparent"] for line in lines] == [f"00-{trace_id}-{span.span_id}-01"]


async def test_a_process_that_stops_sends_its_remaining_spans(
    client: PurchaseClient, service: Service, collector: Collector
) -> None:
    event, trace_id = await client.put_on_sale(), new_trace()
    patient = {**collector.environment, "OTEL_BSP_SCHEDULE_DELAY": MUCH_LATER_MS}

    with serving(service.redis_url, **patient) as running:
        await buy(running.url, event.seat(), sampled(trace_id))
        assert collector.spans_by_now(trace_id) == []
        running.stop()

    assert len(await collector.spans(trace_id)) == 1
