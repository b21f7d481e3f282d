"""The worker, with a projector that fails on demand: batches, retries, parking, shutdown."""

import asyncio
from collections.abc import Callable, Sequence
from uuid import UUID

import pytest
from contracts.codec import AnyMessage
from contracts.ticket import TicketPurchased
from message_terminal import worker as worker_module
from message_terminal.delivery import Delivery, read_batch
from message_terminal.parking import Refused
from message_terminal.stores import StoreUnavailable
from message_terminal.worker import Worker, pieces

from tests.stage.messages import batch, many_purchased, purchased

UNKNOWN = b'{"type":"seat.upgraded.v9","partition":3,"position":"1-9"}'


class RecordingProjector:
    """A projector that records its messages in order, unless `fault` returns an error."""

    model = "read"

    def __init__(self) -> None:
        self.projected: list[UUID] = []
        self.parked: list[Refused] = []
        self.attempts: list[int] = []
        self.fault: Callable[[Sequence[AnyMessage]], Exception | None] = lambda _: None

    async def project(self, messages: Sequence[AnyMessage], refused: Sequence[Refused] = ()) -> None:
        """Record all messages, or none."""
        await asyncio.sleep(0)
        self.attempts.append(len(messages) + len(refused))
        if (error := self.fault(messages)) is not None:
            raise error
        self.projected += [message.data.ticket_id for message in messages if isinstance(message, TicketPurchased)]
        self.parked += refused


class FakeBroker:
    """A broker that delivers to a worker and records the acknowledgements."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self.acknowledged: list[bytes] = []

    def deliver(self, body: bytes, redeliveries: int = 0) -> None:
        """Deliver a body."""

        async def acknowledge() -> None:
            self.acknowledged.append(body)

        self._worker.receive(Delivery(body, redeliveries, acknowledge))


@pytest.fixture
def projector() -> RecordingProjector:
    """Return a projector without a fault."""
    return RecordingProjector()


@pytest.fixture
def worker(projector: RecordingProjector, monkeypatch: pytest.MonkeyPatch) -> Worker:
    """Return a worker that retries within milliseconds."""
    monkeypatch.setattr(worker_module, "SHORTEST_WAIT_SECONDS", 0.001)
    monkeypatch.setattr(worker_module, "LONGEST_WAIT_SECONDS", 0.002)
    return Worker(projector, 64)


@pytest.fixture
def fake_broker(worker: Worker) -> FakeBroker:
    """Return a broker that delivers to the worker."""
    return FakeBroker(worker)


async def work(worker: Worker, until: Callable[[], bool]) -> None:
    """Run the worker until the condition holds, then stop it."""
    task = asyncio.create_task(worker.run())
    async with asyncio.timeout(5):
        while True:
            await asyncio.sleep(0)
            if until() or task.done():
                break
        worker.stop()
        await task


async def test_waiting_deliveries_are_projected_as_one_batch_in_order(
    worker: Worker, projector: RecordingProjector, fake_broker: FakeBroker
) -> None:
    sales = many_purchased(30)
    for start in (0, 10, 20):
        fake_broker.deliver(batch(sales[start : start + 10]))
    await work(worker, lambda: len(fake_broker.acknowledged) == 3)
    assert projector.attempts == [30]
    assert projector.projected == [sale.data.ticket_id for sale in sales]


async def test_a_batch_has_two_thousand_messages_at_most(
    worker: Worker, projector: RecordingProjector, fake_broker: FakeBroker
) -> None:
    sales = many_purchased(2_400)
    for start in range(0, 2_400, 400):
        fake_broker.deliver(batch(sales[start : start + 400]))
    await work(worker, lambda: len(fake_broker.acknowledged) == 6)
    assert projector.attempts == [2_000, 400]


async def test_a_message_that_cannot_be_projected_is_parked_and_the_others_are_projected_in_order(
    worker: Worker, projector: RecordingProjector, fake_broker: FakeBroker
) -> None:
    sales = many_purchased(100)
    poison = sales[37]
    projector.fault = lambda messages: ValueError("no such moment") if poison in messages else None
    fake_broker.deliver(batch(sales))
    await work(worker, lambda: len(fake_broker.acknowledged) == 1)
    assert projector.projected == [sale.data.ticket_id for sale in sales if sale is not poison]
    assert [(parked.reason, str(parked.position)) for parked in projector.parked] == [
        ("ValueError: no such moment", poison.position)
    ]


async def test_unreadable_messages_are_parked_and_the_rest_of_their_batch_is_projected(
    worker: Worker, projector: RecordingProjector, fake_broker: FakeBroker
) -> None:
    sales = many_purchased(2)
    fake_broker.deliver(batch([sales[0], UNKNOWN, sales[1]]))
    fake_broker.deliver(b"no batch at all")
    await work(worker, lambda: len(fake_broker.acknowledged) == 2)
    assert projector.projected == [sale.data.ticket_id for sale in sales]
    assert [parked.raw for parked in projector.parked] == [UNKNOWN, b"no batch at all"]


async def test_nothing_is_acknowledged_while_a_store_is_unavailable(
    worker: Worker, projector: RecordingProjector, fake_broker: FakeBroker
) -> None:
    sale = purchased()
    projector.fault = lambda _: StoreUnavailable("MySQL: gone") if len(projector.attempts) < 5 else None
    fake_broker.deliver(batch([sale]))
    seen: list[str | None] = []

    def done() -> bool:
        seen.append(worker.waiting_for)
        assert not fake_broker.acknowledged or projector.projected
        return bool(fake_broker.acknowledged)

    await work(worker, done)
    assert len(projector.attempts) == 5
    assert "MySQL: gone" in seen
    assert worker.waiting_for is None


async def test_a_worker_that_waits_for_a_store_stops_at_once_without_acknowledging(
    worker: Worker, projector: RecordingProjector, fake_broker: FakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "SHORTEST_WAIT_SECONDS", 60.0)
    projector.fault = lambda _: StoreUnavailable("MySQL: gone")
    fake_broker.deliver(batch([purchased()]))
    await work(worker, lambda: worker.waiting_for is not None)
    assert fake_broker.acknowledged == []


async def test_a_delivery_that_was_redelivered_twice_is_projected_alone_in_halves(
    worker: Worker, projector: RecordingProjector, fake_broker: FakeBroker
) -> None:
    sales = many_purchased(24)
    fake_broker.deliver(batch(sales[:8]))
    fake_broker.deliver(batch(sales[8:16]), redeliveries=2)
    fake_broker.deliver(batch(sales[16:]))
    await work(worker, lambda: len(fake_broker.acknowledged) == 3)
    assert projector.attempts == [8, 4, 4, 8]
    assert projector.projected == [sale.data.ticket_id for sale in sales]


async def test_a_message_that_cannot_be_parked_ends_the_worker(
    worker: Worker, projector: RecordingProjector, fake_broker: FakeBroker
) -> None:
    projector.fault = lambda _: ValueError("always")
    fake_broker.deliver(batch([purchased()]))
    with pytest.raises(ValueError, match="always"):
        await work(worker, lambda: bool(fake_broker.acknowledged))


async def test_a_stopped_worker_finishes_its_current_batch(
    worker: Worker, projector: RecordingProjector, fake_broker: FakeBroker
) -> None:
    fake_broker.deliver(batch([purchased()]))
    await work(worker, lambda: bool(projector.attempts))
    assert len(fake_broker.acknowledged) == 1


async def acknowledge_never() -> None:
    raise AssertionError("unexpected acknowledgement")


def test_a_delivery_that_was_redelivered_once_is_projected_whole() -> None:
    arrived = read_batch(batch(many_purchased(5)), 64)
    assert pieces([Delivery(b"[]", 1, acknowledge_never)], arrived) == [arrived]


def test_each_further_redelivery_halves_the_pieces_of_a_delivery() -> None:
    arrived = read_batch(batch(many_purchased(8)), 64)
    deliveries = [Delivery(b"[]", redeliveries, acknowledge_never) for redeliveries in (2, 3, 4, 5, 50)]
    sizes = [[len(piece) for piece in pieces([delivery], arrived)] for delivery in deliveries]
    assert sizes == [[4, 4], [2] * 4, [1] * 8, [1] * 8, [1] * 8]
