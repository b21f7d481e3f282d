"""The write model: tickets, who has each seat, and the catalogue, in DynamoDB.

A ticket and its seat are written in one transaction, fifty tickets at a time, on conditions that let each be told any
number of times and in any order. The seat is the last guard against selling it twice.
"""

import asyncio
import logging
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from datetime import UTC, datetime
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, TypeVar, assert_never

import msgspec
from botocore.exceptions import ClientError
from contracts.catalogue import EventScheduled, VenueDefined
from contracts.codec import AnyMessage, type_name
from contracts.position import Position
from contracts.ticket import Rejection, TicketCancelled, TicketPurchased, TicketRejected
from contracts.timestamp import encode_timestamp
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncEngine

from message_terminal import metrics
from message_terminal.parking import Refused, park
from message_terminal.settings import WRITE
from message_terminal.stores import StoreAway, asking_dynamodb, asking_mysql
from message_terminal.tables import CATALOG, SEATS, TICKETS

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient

log = logging.getLogger(__name__)

TICKETS_AT_ONCE = 50
TRANSACTIONS_AT_ONCE = 4
ROUNDS = 6
PAUSE_SECONDS = 0.05

_REJECTIONS = uuid.uuid5(uuid.NAMESPACE_URL, "message-terminal/ticket.rejected")
_AGAIN = frozenset({"None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})

Item = dict[str, Any]
Reject = Callable[[TicketRejected], Awaitable[None]]
T = TypeVar("T")


class Write(Struct, frozen=True):
    """A ticket to be written, together with its seat or, once the seat has moved on, alone."""

    message: TicketPurchased | TicketCancelled
    with_seat: bool = True

    @property
    def seat(self) -> tuple[str, str]:
        """The key of its seat."""
        data = self.message.data
        return f"{data.event_id}#{data.zone_id}", f"{data.row}#{data.column}"


class Verdict(Enum):
    """What a cancelled transaction says about one of its tickets."""

    WRITTEN = auto()
    SEAT_MOVED_ON = auto()
    SOLD_TO_ANOTHER = auto()
    AGAIN = auto()


class WriteModel:
    """Projects messages onto DynamoDB; what it refuses is parked in MySQL."""

    model = WRITE

    def __init__(self, client: "DynamoDBClient", prefix: str, engine: AsyncEngine, reject: Reject) -> None:
        self._client = client
        self._prefix = prefix
        self._engine = engine
        self._reject = reject
        self._turnstile = asyncio.Semaphore(TRANSACTIONS_AT_ONCE)

    async def project(self, messages: Sequence[AnyMessage], refused: Sequence[Refused] = ()) -> None:
        """Take messages in, tell purchase of double sales, park others. Raises StoreAway, ClientError, ValueError."""
        newest = Newest(messages)
        await _all(self._put_catalogue(item) for item in newest.catalogue)
        await self._write(newest.tickets)
        if refused:
            async with asking_mysql(), self._engine.begin() as connection:
                await park(connection, self.model, refused)

    async def _put_catalogue(self, item: Item) -> None:
        async with self._turnstile, asking_dynamodb():
            try:
                await self._client.put_item(
                    TableName=self._prefix + CATALOG,
                    Item=item,
                    ConditionExpression="attribute_not_exists(#kind) OR #epoch < :epoch"
                    " OR (#epoch = :epoch AND #sequence < :sequence)",
                    ExpressionAttributeNames={"#kind": "kind", "#epoch": "epoch", "#sequence": "sequence"},
                    ExpressionAttributeValues={":epoch": item["epoch"], ":sequence": item["sequence"]},
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                    raise

    async def _write(self, writes: list[Write]) -> None:
        for turn in range(ROUNDS):
            left: list[Write] = []
            for distinct in one_of_each_seat(writes):
                rests = await _all(self._transact(chunk) for chunk in _chunks(distinct, TICKETS_AT_ONCE))
                left += [write for rest in rests for write in rest]
            if not left:
                return
            writes = left
            await asyncio.sleep(PAUSE_SECONDS * turn)
        raise StoreAway(f"DynamoDB: {len(writes)} tickets are being written by another")

    async def _transact(self, writes: Sequence[Write]) -> list[Write]:
        """Write all or none; answers what must be sent again."""
        parts = [self._parts(write) for write in writes]
        async with self._turnstile, asking_dynamodb():
            try:
                await self._client.transact_write_items(TransactItems=[part for two in parts for part in two])
            except ClientError as error:
                if error.response["Error"]["Code"] != "TransactionCanceledException":
                    raise
                reasons = iter(error.response["CancellationReasons"])
            else:
                return []
        return await self._sort_out(writes, [[next(reasons) for _ in two] for two in parts])

    async def _sort_out(self, writes: Sequence[Write], reasons: Sequence[Sequence[Any]]) -> list[Write]:
        again: list[Write] = []
        for write, why in zip(writes, reasons, strict=True):
            match judge(write, why[0], why[1] if write.with_seat else {"Code": "None"}):
                case Verdict.SEAT_MOVED_ON:
                    again.append(Write(write.message, with_seat=False))
                case Verdict.AGAIN:
                    again.append(write)
                case Verdict.SOLD_TO_ANOTHER:
                    await self._refuse(write.message, why[1]["Item"])
                case Verdict.WRITTEN:
                    pass
        return again

    async def _refuse(self, message: TicketPurchased | TicketCancelled, seat: Item) -> None:
        owner = seat["ticketId"]["S"] if "ticketId" in seat else None
        log.error("double sale", extra={"ticket_id": str(message.data.ticket_id), "owner_ticket_id": owner})
        metrics.double_sales_total.labels(self.model).inc()
        await self._reject(rejection(message, owner))

    def _parts(self, write: Write) -> list[Any]:
        parts: list[Any] = [{"Put": self._ticket_put(write.message)}]
        if write.with_seat:
            parts.append({"Put": self._seat_put(write)})
        return parts

    def _ticket_put(self, message: TicketPurchased | TicketCancelled) -> Item:
        return {
            "TableName": self._prefix + TICKETS,
            "Item": ticket_item(message),
            "ConditionExpression": "attribute_not_exists(ticketId) OR revision < :revision",
            "ExpressionAttributeValues": {":revision": _number(message.data.revision)},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def _seat_put(self, write: Write) -> Item:
        return {
            "TableName": self._prefix + SEATS,
            "Item": seat_item(write),
            "ConditionExpression": "attribute_not_exists(generation) OR generation < :generation"
            " OR (generation = :generation AND ticketId = :ticketId)",
            "ExpressionAttributeValues": {
                ":generation": _number(_generation(write.message)),
                ":ticketId": _text(str(write.message.data.ticket_id)),
            },
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }


class Newest:
    """The newest message of each ticket, and the newest of each venue and event."""

    def __init__(self, messages: Iterable[AnyMessage]) -> None:
        self._tickets: dict[uuid.UUID, TicketPurchased | TicketCancelled] = {}
        self._catalogue: dict[tuple[str, str], VenueDefined | EventScheduled] = {}
        for message in messages:
            match message:
                case TicketPurchased() | TicketCancelled():
                    self._keep_ticket(message)
                case VenueDefined() | EventScheduled():
                    self._keep_catalogue(message)
                case TicketRejected():
                    pass
                case _:
                    assert_never(message)

    @property
    def tickets(self) -> list[Write]:
        """Each ticket once, in the order in which they came."""
        return [Write(message) for message in self._tickets.values()]

    @property
    def catalogue(self) -> list[Item]:
        """The item of each venue and event."""
        return [catalogue_item(message) for message in self._catalogue.values()]

    def _keep_ticket(self, message: TicketPurchased | TicketCancelled) -> None:
        known = self._tickets.get(message.data.ticket_id)
        if known is None or known.data.revision < message.data.revision:
            self._tickets[message.data.ticket_id] = message

    def _keep_catalogue(self, message: VenueDefined | EventScheduled) -> None:
        key = _catalogue_key(message)
        known = self._catalogue.get(key)
        if known is None or _position(known) < _position(message):
            self._catalogue[key] = message


def one_of_each_seat(writes: Iterable[Write]) -> list[list[Write]]:
    """Cut into turns, in order, none of which has a seat twice: a transaction may not."""
    turns: list[list[Write]] = []
    times: Counter[tuple[str, str]] = Counter()
    for write in writes:
        if times[write.seat] == len(turns):
            turns.append([])
        turns[times[write.seat]].append(write)
        times[write.seat] += 1
    return turns


def judge(write: Write, ticket: Any, seat: Any) -> Verdict:
    """Tell from the reasons given for a ticket's two items what has become of it.

    Raises ValueError when DynamoDB will never take them.
    """
    if ticket["Code"] == "ConditionalCheckFailed":
        return Verdict.WRITTEN
    if seat["Code"] == "ConditionalCheckFailed":
        moved_on = int(seat["Item"]["generation"]["N"]) > _generation(write.message)
        return Verdict.SEAT_MOVED_ON if moved_on else Verdict.SOLD_TO_ANOTHER
    if {ticket["Code"], seat["Code"]} <= _AGAIN:
        return Verdict.AGAIN
    raise ValueError(f"DynamoDB refuses ticket {write.message.data.ticket_id}: {ticket} {seat}")


def ticket_item(message: TicketPurchased | TicketCancelled) -> Item:
    """The ticket under the names that the seed gave its attributes."""
    data = message.data
    item = {
        "ticketId": _text(str(data.ticket_id)),
        "venueId": _text(data.venue_id),
        "eventId": _text(data.event_id),
        "zoneId": _number(data.zone_id),
        "row": _text(data.row),
        "column": _text(data.column),
        "status": _text("PAID"),
        "createdOn": _text(data.created_on),
        "priceCents": _number(data.price_cents),
        "currency": _text(data.currency),
        "revision": _number(data.revision),
        "generation": _number(_generation(message)),
        "position": _text(message.position or ""),
    }
    if isinstance(message, TicketCancelled):
        item |= {"status": _text("CANCELLED"), "cancelledOn": _text(message.data.cancelled_on)}
    return item


def seat_item(write: Write) -> Item:
    """The seat: whose it is, unless that ticket was cancelled, and the how-many-eth sale of it that was."""
    event_and_zone, row_and_column = write.seat
    item = {
        "eventId#zoneId": _text(event_and_zone),
        "row#column": _text(row_and_column),
        "generation": _number(_generation(write.message)),
    }
    if isinstance(write.message, TicketPurchased):
        item["ticketId"] = _text(str(write.message.data.ticket_id))
    return item


def catalogue_item(message: VenueDefined | EventScheduled) -> Item:
    """The message itself, so that the read model can be rebuilt from it, and where it came from."""
    kind, name = _catalogue_key(message)
    position = _position(message)
    return {
        "kind": _text(kind),
        "id": _text(name),
        "type": _text(type_name(type(message))),
        "time": _text(message.time),
        "partition": _number(message.partition),
        "epoch": _number(position.epoch),
        "sequence": _number(position.sequence),
        "data": _text(msgspec.json.encode(message.data).decode()),
    }


def rejection(message: TicketPurchased | TicketCancelled, owner: str | None) -> TicketRejected:
    """What purchase is told; the same ticket is always refused under the same id."""
    data = message.data
    return TicketRejected(
        id=str(uuid.uuid5(_REJECTIONS, str(data.ticket_id))),
        source="/message-terminal",
        subject=str(data.ticket_id),
        time=encode_timestamp(datetime.now(UTC)),
        partition=message.partition,
        generation=message.generation,
        traceparent=message.traceparent,
        data=Rejection(
            ticket_id=data.ticket_id,
            event_id=data.event_id,
            zone_id=data.zone_id,
            row=data.row,
            column=data.column,
            owner_ticket_id=uuid.UUID(owner) if owner is not None else None,
        ),
    )


def _catalogue_key(message: VenueDefined | EventScheduled) -> tuple[str, str]:
    if isinstance(message, VenueDefined):
        return "venue", message.data.venue_id
    return "event", message.data.event_id


def _position(message: VenueDefined | EventScheduled) -> Position:
    assert message.position is not None
    return Position.parse(message.position)


def _generation(message: TicketPurchased | TicketCancelled) -> int:
    assert message.generation is not None
    return message.generation


def _text(value: str) -> dict[str, str]:
    return {"S": value}


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}


def _chunks(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


async def _all(tasks: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Wait for every one, then raise what one of them raised; that the store is away comes first."""
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    for error in sorted(errors, key=lambda error: not isinstance(error, StoreAway)):
        raise error
    return [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
