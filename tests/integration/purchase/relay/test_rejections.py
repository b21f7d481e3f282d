"""The terminal's rejections: a refused ticket is cancelled despite crashes and duplicates."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest
from contracts.codec import decode, encode, encode_batch
from contracts.message import Message
from contracts.ticket import Rejection, TicketCancelled, TicketRejected
from infra_local.running import RunningServer
from purchase.brokers.chosen import publishing
from purchase.cases.ledger import Cases, OpenCase
from purchase.seats.inventory import Order, Sold
from purchase.seats.rejections import Rejections
from purchase.settings import Settings
from purchase.store import keys
from purchase.store.connection import Recovering
from purchase.store.ids import mint_id
from redis import Redis

from tests.stage.brokers import Broker
from tests.stage.builders import PARTITIONS, order, purchased
from tests.stage.partition_state import read
from tests.stage.polling import DEADLINE_SECONDS, until
from tests.stage.processes.purchase import environment
from tests.stage.processes.relay import figures_of, relay_process
from tests.stage.published_batches import PublishedBatches, messages_in
from tests.stage.sellers import Seller, prepare, selling

PARTITION = keys.partition_of("Gala", PARTITIONS)
QUICKLY = (0.01, 0.01)
CANCELLED = 'rejections_total{outcome="cancelled"}'

log = logging.getLogger(__name__)


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    with Redis.from_url(redis_url) as own:
        yield own


@pytest.fixture
async def seller(redis_url: str) -> AsyncIterator[Seller]:
    """A process with an event on sale."""
    await prepare(redis_url)
    async with selling(redis_url) as own:
        await own.put_on_sale("Gala")
        yield own


@pytest.fixture
async def declared_broker(broker: Broker) -> Broker:
    """A broker that the terminal has set up."""
    await broker.declare()
    return broker


async def sold(seller: Seller, **fields: Any) -> Order:
    """Sell an order, which must succeed."""
    wanted = order(**fields)
    assert isinstance(await seller.inventory.sell(wanted), Sold)
    return wanted


def rejected(refused: Order, owner_id: UUID | None = None) -> bytes:
    """Return the batch in which the terminal rejects it."""
    ticket = refused.ticket
    message = TicketRejected(
        id=f"rejection of {ticket.ticket_id}",
        source="/message-terminal",
        subject=str(ticket.ticket_id),
        time=ticket.created_on,
        partition=ticket.partition,
        generation=1,
        data=Rejection(
            ticket_id=ticket.ticket_id,
            event_id=ticket.event_id,
            zone_id=ticket.seat.zone_id,
            row=ticket.seat.row_label,
            column=ticket.seat.column_label,
            owner_ticket_id=owner_id,
        ),
    )
    return encode_batch([encode(message)])


def cancellations(client: Any) -> list[UUID]:
    """Return the tickets of the cancellations in the outbox, duplicates too."""
    return _cancelled(decode(message.message) for message in read(client, PARTITION).messages)


async def published_cancellations(published: PublishedBatches, last: Order) -> list[UUID]:
    """Return the tickets of the published cancellations up to this one, duplicates too."""
    ticket_ids: list[UUID] = []
    while last.ticket.ticket_id not in ticket_ids:
        ticket_ids += _cancelled(messages_in((await published.next()).body))
    return ticket_ids


def _cancelled(messages: Iterable[Message]) -> list[UUID]:
    return [message.data.ticket_id for message in messages if isinstance(message, TicketCancelled)]


def is_cancelled(client: Any, wanted: Order) -> bool:
    return read(client, PARTITION).tickets[wanted.ticket.ticket_id].is_cancelled


def owner_of_the_seat(client: Any) -> UUID | None:
    return read(client, PARTITION).seats["Gala", 1, 1, 1].owner


async def open_cases(seller: Seller) -> list[OpenCase]:
    """Return the open cases."""
    return await Cases(seller.partitions).list_open()


@asynccontextmanager
async def subscribed(
    redis_url: str, settings: Mapping[str, str], take: Callable[[bytes], Awaitable[None]]
) -> AsyncIterator[None]:
    """Run a relay's consumer in this process; its unacknowledged messages are redelivered."""
    [broker] = publishing(Settings.read(environment(redis_url, **settings)))
    broker.subscribe(take, log.info)
    try:
        await broker.application.start()
        await broker.supervise()
        yield
    finally:
        await broker.application.stop()


async def figure(relay: RunningServer, name: str) -> float:
    """Return this metric once it is not 0."""
    async with httpx.AsyncClient(base_url=relay.url) as http:
        return (await figures_of(http, name))[name]


async def test_a_rejected_ticket_is_cancelled_and_its_seat_is_the_owner_s(
    seller: Seller, client: Any, redis_url: str, declared_broker: Broker
) -> None:
    refused, owner_id = await sold(seller), mint_id(PARTITION)
    with relay_process(redis_url, declared_broker.settings) as relay:
        await declared_broker.publish_to_purchase(PARTITION, rejected(refused, owner_id))
        await until(lambda: is_cancelled(client, refused))
        assert await figure(relay, CANCELLED) == 1

    assert owner_of_the_seat(client) == owner_id


async def test_a_ticket_rejected_twice_is_cancelled_once(
    seller: Seller, client: Any, redis_url: str, declared_broker: Broker
) -> None:
    refused, marker = await sold(seller), await sold(seller, column=2)
    rejections = Rejections(seller.inventory, Cases(seller.partitions))
    async with subscribed(redis_url, declared_broker.settings, rejections.handle):
        await declared_broker.publish_to_purchase(PARTITION, *[rejected(refused)] * 5, rejected(marker))
        await until(lambda: is_cancelled(client, marker))

    assert sorted(cancellations(client)) == sorted([refused.ticket.ticket_id, marker.ticket.ticket_id])


async def test_a_message_that_failed_is_redelivered_and_later_ones_are_handled_too(
    seller: Seller, client: Any, redis_url: str, declared_broker: Broker
) -> None:
    refused, marker = await sold(seller), await sold(seller, column=2)
    rejections, refusals = Rejections(seller.inventory, Cases(seller.partitions)), [rejected(refused)]

    async def refuse_once(batch: bytes) -> None:
        if batch in refusals:
            refusals.remove(batch)
            raise Recovering
        await rejections.handle(batch)

    async with subscribed(redis_url, declared_broker.settings, refuse_once):
        await declared_broker.publish_to_purchase(PARTITION, rejected(refused), rejected(marker))
        await until(lambda: is_cancelled(client, refused) and is_cancelled(client, marker))

    assert sorted(cancellations(client)) == sorted([refused.ticket.ticket_id, marker.ticket.ticket_id])


async def test_a_relay_that_dies_before_it_acknowledges_leaves_the_message_to_another(
    seller: Seller, client: Any, redis_url: str, declared_broker: Broker
) -> None:
    refused, marker = await sold(seller), await sold(seller, column=2)
    rejections, is_done = Rejections(seller.inventory, Cases(seller.partitions)), asyncio.Event()

    async def die_after(batch: bytes) -> None:
        await rejections.handle(batch)
        is_done.set()
        await asyncio.Event().wait()

    async with subscribed(redis_url, declared_broker.settings, die_after), asyncio.timeout(DEADLINE_SECONDS):
        await declared_broker.publish_to_purchase(PARTITION, rejected(refused))
        await is_done.wait()
    with relay_process(redis_url, declared_broker.settings) as relay:
        await declared_broker.publish_to_purchase(PARTITION, rejected(marker))
        await until(lambda: is_cancelled(client, marker))
        assert await figure(relay, 'rejections_total{outcome="repeated"}') == 1

    async with declared_broker.published(PARTITION) as published:
        ticket_ids = await published_cancellations(published, marker)
    assert ticket_ids == [refused.ticket.ticket_id, marker.ticket.ticket_id]


@pytest.mark.parametrize(
    "body",
    [b"no batch", b"[{}]", b'[{"type":"ticket.exchanged.v1","partition":4000}]', b"[1]"],
    ids=["no JSON", "no message", "unknown", "no object"],
)
async def test_a_malformed_message_becomes_a_case_and_blocks_no_other(
    seller: Seller, client: Any, redis_url: str, declared_broker: Broker, body: bytes
) -> None:
    refused = await sold(seller)
    rejections = Rejections(seller.inventory, Cases(seller.partitions))
    async with subscribed(redis_url, declared_broker.settings, rejections.handle):
        await declared_broker.publish_to_purchase(PARTITION, body, rejected(refused))
        await until(lambda: is_cancelled(client, refused))

    [opened] = await open_cases(seller)
    assert opened.case.kind == "rejection"
    assert body.strip(b"[]").decode() in opened.case.why


async def test_a_message_that_is_not_for_purchase_becomes_a_case(seller: Seller) -> None:
    sale = encode_batch([encode(purchased(order().ticket))])

    await Rejections(seller.inventory, Cases(seller.partitions)).handle(sale)

    [opened] = await open_cases(seller)
    assert "not for purchase" in opened.case.why


async def test_a_ticket_that_was_never_sold_becomes_a_case(seller: Seller) -> None:
    await Rejections(seller.inventory, Cases(seller.partitions)).handle(rejected(order()))

    [opened] = await open_cases(seller)
    assert "there is no such ticket" in opened.case.why


async def test_an_owner_of_another_partition_becomes_a_case(seller: Seller, client: Any) -> None:
    refused = await sold(seller)
    elsewhere = mint_id((PARTITION + 1) % PARTITIONS)

    await Rejections(seller.inventory, Cases(seller.partitions)).handle(rejected(refused, elsewhere))

    [opened] = await open_cases(seller)
    assert "the owner" in opened.case.why
    assert not is_cancelled(client, refused)


async def test_a_temporary_failure_is_retried(seller: Seller, client: Any, caplog: pytest.LogCaptureFixture) -> None:
    refused = await sold(seller)
    entries = client.dump(keys.outbox(PARTITION))
    client.delete(keys.outbox(PARTITION))
    taking = asyncio.create_task(
        Rejections(seller.inventory, Cases(seller.partitions), pauses_seconds=[0.01] * 1_000).handle(rejected(refused))
    )
    await until(lambda: "not handled" in caplog.text)
    client.restore(keys.outbox(PARTITION), 0, entries)
    await taking

    assert is_cancelled(client, refused)
    assert await open_cases(seller) == []


async def test_a_lasting_failure_becomes_a_case_and_is_counted(seller: Seller, client: Any) -> None:
    refused = await sold(seller)
    client.delete(keys.outbox(PARTITION))

    await Rejections(seller.inventory, Cases(seller.partitions), pauses_seconds=QUICKLY).handle(rejected(refused))

    [opened] = await open_cases(seller)
    assert (opened.partition, opened.case.kind) == (PARTITION, "rejection")
    assert str(refused.ticket.ticket_id) in opened.case.why


async def test_the_broker_keeps_a_message_while_not_even_a_case_can_be_opened(
    seller: Seller, client: Any, redis_url: str, declared_broker: Broker
) -> None:
    refused, refusals = await sold(seller), asyncio.Event()

    async def be_away(_: bytes) -> None:
        refusals.set()
        raise Recovering

    async with subscribed(redis_url, declared_broker.settings, be_away), asyncio.timeout(DEADLINE_SECONDS):
        await declared_broker.publish_to_purchase(PARTITION, rejected(refused))
        await refusals.wait()
    with relay_process(redis_url, declared_broker.settings):
        await until(lambda: is_cancelled(client, refused))


@pytest.mark.usefixtures("declared_broker")
async def test_a_relay_reports_the_number_of_open_cases(seller: Seller, redis_url: str, broker: Broker) -> None:
    await Rejections(seller.inventory, Cases(seller.partitions)).handle(rejected(order()))

    with relay_process(redis_url, broker.settings) as relay:
        assert await figure(relay, "matters_waiting") == 1
