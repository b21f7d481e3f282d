"""Each projection of a message is a span in the trace of the request that caused the message."""

import json
import secrets
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from contracts.codec import AnyMessage
from infra_local.servers import INFRA

from tests.stage.brokers import Broker
from tests.stage.collector import Collector, Span, collecting
from tests.stage.messages import PARTITION, batch, purchased
from tests.stage.processes.terminal import Environment, RunningTerminal, started, until

CAUSE = "b7ad6b7169203331"
MUCH_LATER_MS = "600000"


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector that receives the terminal's spans."""
    with collecting() as own:
        yield own


def new_trace() -> str:
    return secrets.token_hex(16)


def sampled(trace_id: str) -> str:
    """The traceparent of a sampled trace."""
    return f"00-{trace_id}-{CAUSE}-01"


def unsampled(trace_id: str) -> str:
    """The traceparent of a trace that is not sampled."""
    return f"00-{trace_id}-{CAUSE}-00"


def by_model(spans: list[Span]) -> dict[object, Span]:
    return {span.attributes["model"]: span for span in spans}


async def test_only_a_message_with_a_sampled_trace_has_a_span_for_each_model(
    broker: Broker, environment: Environment, collector: Collector, tmp_path: Path
) -> None:
    traced = new_trace()
    messages = [
        purchased(column=1, position="1-0", traceparent=unsampled(new_trace())),
        purchased(column=2, position="1-1"),
        purchased(column=3, position="1-2", traceparent="no trace"),
        purchased(column=4, position="1-3", traceparent=sampled(traced)),
    ]
    async with AsyncExitStack() as stack:
        await started(stack, {**environment, **collector.environment}, tmp_path / "log")
        await broker.publish(PARTITION, [batch(messages)])
        spans = by_model(await collector.spans(traced, 2))
    assert spans.keys() == {"read", "write"}
    for model, span in spans.items():
        assert (span.service, span.name) == ("message-terminal", "project ticket.purchased.v1")
        assert (span.kind, span.parent_id, span.failure) == ("CONSUMER", CAUSE, None)
        assert span.attributes == {"model": model, "partition": PARTITION, "position": "1-3"}
        assert span.start_ns < span.end_ns
    assert collector.traces_by_now() == {traced}


async def test_a_parked_message_has_the_reason_in_its_span_and_in_the_log(
    broker: Broker, environment: Environment, collector: Collector, tmp_path: Path
) -> None:
    poisoned, unknown, good = new_trace(), new_trace(), new_trace()
    created_on = "2030-02-30T00:00:00.000000Z"
    newer = f'{{"type":"seat.upgraded.v9","partition":3,"position":"1-0","traceparent":"{sampled(unknown)}"}}'
    messages: list[AnyMessage | bytes] = [
        newer.encode(),
        purchased(created_on=created_on, position="1-1", traceparent=sampled(poisoned)),
        purchased(row=2, position="1-2", traceparent=sampled(good)),
    ]
    logging = {"LOGGING_CONFIG": str(INFRA / "logging.json"), "MODELS": "read"}
    async with AsyncExitStack() as stack:
        await started(stack, {**environment, **collector.environment, **logging}, tmp_path / "log")
        await broker.publish(PARTITION, [batch(messages)])
        (of_poisoned,) = await collector.spans(poisoned)
        (of_unknown,) = await collector.spans(unknown)
        (of_good,) = await collector.spans(good)
    assert (of_poisoned.name, of_poisoned.parent_id) == ("project ticket.purchased.v1", CAUSE)
    assert of_poisoned.failure == "ValueError: day is out of range for month"
    assert (of_unknown.name, of_unknown.parent_id) == ("project seat.upgraded.v9", CAUSE)
    assert of_unknown.failure == "UnknownMessage: unknown type seat.upgraded.v9"
    assert of_good.failure is None
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines() if "parking a message" in line]
    assert [line["traceparent"] for line in lines] == [sampled(poisoned)]


async def test_a_double_sale_is_logged_with_the_trace_of_the_refused_sale(
    broker: Broker, environment: Environment, collector: Collector, tmp_path: Path
) -> None:
    refused = new_trace()
    messages = [purchased(position="1-0"), purchased(position="1-1", traceparent=sampled(refused))]
    logging = {"LOGGING_CONFIG": str(INFRA / "logging.json"), "MODELS": "write"}
    async with AsyncExitStack() as stack:
        await started(stack, {**environment, **collector.environment, **logging}, tmp_path / "log")
        await broker.publish(PARTITION, [batch([one]) for one in messages])
        await collector.spans(refused)
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines() if "double sale" in line]
    assert [line["traceparent"] for line in lines] == [sampled(refused)]


async def test_a_terminated_process_sends_its_pending_spans(
    broker: Broker, environment: Environment, collector: Collector, tmp_path: Path
) -> None:
    trace_id = new_trace()
    delayed = {**environment, **collector.environment, "OTEL_BSP_SCHEDULE_DELAY": MUCH_LATER_MS, "MODELS": "read"}
    async with AsyncExitStack() as stack:
        running = await started(stack, delayed, tmp_path / "log")
        await broker.publish(PARTITION, [batch([purchased(traceparent=sampled(trace_id))])])
        await until(lambda: has_projected(running))
        assert collector.spans_by_now(trace_id) == []
        running.process.terminate()
        await running.ended()
    assert len(await collector.spans(trace_id)) == 1


async def has_projected(running: RunningTerminal) -> bool:
    """Return whether the read model has one message."""
    return await running.metric('messages_projected_total{model="read"}') == 1
