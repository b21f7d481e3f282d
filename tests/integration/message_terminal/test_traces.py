"""What becomes of a message is seen in the trace of the request that caused it, once for each model."""

import json
import secrets
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from contracts.codec import AnyMessage
from infra_local.servers import INFRA

from tests.stage.brokers import Wire
from tests.stage.collector import Collector, Span, collecting
from tests.stage.messages import PARTITION, batch, purchased
from tests.stage.processes.terminal import Environment, RunningTerminal, started, until

CAUSE = "b7ad6b7169203331"
MUCH_LATER_MS = "600000"


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Where the terminal sends its spans to."""
    with collecting() as own:
        yield own


def new_trace() -> str:
    return secrets.token_hex(16)


def sampled(trace_id: str) -> str:
    """What purchase says of a request whose trace is recorded."""
    return f"00-{trace_id}-{CAUSE}-01"


def unsampled(trace_id: str) -> str:
    """What purchase says of one whose trace is not."""
    return f"00-{trace_id}-{CAUSE}-00"


def by_model(spans: list[Span]) -> dict[object, Span]:
    return {span.attributes["model"]: span for span in spans}


async def test_a_message_is_a_span_of_each_model_in_the_trace_that_it_carries_and_one_that_carries_none_is_not(
    wire: Wire, environment: Environment, collector: Collector, tmp_path: Path
) -> None:
    traced = new_trace()
    told = [
        purchased(column=1, position="1-0", traceparent=unsampled(new_trace())),
        purchased(column=2, position="1-1"),
        purchased(column=3, position="1-2", traceparent="no trace"),
        purchased(column=4, position="1-3", traceparent=sampled(traced)),
    ]
    async with AsyncExitStack() as stack:
        await started(stack, {**environment, **collector.environment}, tmp_path / "log")
        await wire.publish(PARTITION, [batch(told)])
        spans = by_model(await collector.spans(traced, 2))
    assert spans.keys() == {"read", "write"}
    for model, span in spans.items():
        assert (span.service, span.name) == ("message-terminal", "project ticket.purchased.v1")
        assert (span.kind, span.parent_id, span.failure) == ("CONSUMER", CAUSE, None)
        assert span.attributes == {"model": model, "partition": PARTITION, "position": "1-3"}
        assert span.start_ns < span.end_ns
    assert collector.traces_by_now() == {traced}


async def test_a_message_that_is_parked_says_why_in_its_trace_and_in_the_log(
    wire: Wire, environment: Environment, collector: Collector, tmp_path: Path
) -> None:
    poisoned, unknown, good = new_trace(), new_trace(), new_trace()
    created_on = "2030-02-30T00:00:00.000000Z"
    newer = f'{{"type":"seat.upgraded.v9","partition":3,"position":"1-0","traceparent":"{sampled(unknown)}"}}'
    told: list[AnyMessage | bytes] = [
        newer.encode(),
        purchased(created_on=created_on, position="1-1", traceparent=sampled(poisoned)),
        purchased(row=2, position="1-2", traceparent=sampled(good)),
    ]
    logging = {"LOGGING_CONFIG": str(INFRA / "logging.json"), "MODELS": "read"}
    async with AsyncExitStack() as stack:
        await started(stack, {**environment, **collector.environment, **logging}, tmp_path / "log")
        await wire.publish(PARTITION, [batch(told)])
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


async def test_a_double_sale_is_logged_with_the_trace_of_the_sale_that_was_refused(
    wire: Wire, environment: Environment, collector: Collector, tmp_path: Path
) -> None:
    refused = new_trace()
    told = [purchased(position="1-0"), purchased(position="1-1", traceparent=sampled(refused))]
    logging = {"LOGGING_CONFIG": str(INFRA / "logging.json"), "MODELS": "write"}
    async with AsyncExitStack() as stack:
        await started(stack, {**environment, **collector.environment, **logging}, tmp_path / "log")
        await wire.publish(PARTITION, [batch([one]) for one in told])
        await collector.spans(refused)
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines() if "double sale" in line]
    assert [line["traceparent"] for line in lines] == [sampled(refused)]


async def test_a_terminal_that_is_told_to_end_sends_the_spans_that_wait(
    wire: Wire, environment: Environment, collector: Collector, tmp_path: Path
) -> None:
    trace_id = new_trace()
    patient = {**environment, **collector.environment, "OTEL_BSP_SCHEDULE_DELAY": MUCH_LATER_MS, "MODELS": "read"}
    async with AsyncExitStack() as stack:
        running = await started(stack, patient, tmp_path / "log")
        await wire.publish(PARTITION, [batch([purchased(traceparent=sampled(trace_id))])])
        await until(lambda: has_projected(running))
        assert collector.spans_by_now(trace_id) == []
        running.process.terminate()
        await running.ended()
    assert len(await collector.spans(trace_id)) == 1


async def has_projected(running: RunningTerminal) -> bool:
    """Whether it has taken in a message."""
    return await running.metric('messages_projected_total{model="read"}') == 1
