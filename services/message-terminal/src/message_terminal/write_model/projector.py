"""The write model: tickets, who has each seat, and the catalogue, in DynamoDB.

A ticket and its seat are written in one transaction, fifty tickets at a time, on conditions that let each be told any
number of times and in any order. The seat is the last guard against selling it twice.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError
from contracts.codec import AnyMessage
from contracts.ticket import TicketRejected
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncEngine

from message_terminal import metrics
from message_terminal.parking import Refused, park
from message_terminal.settings import WRITE
from message_terminal.stores import StoreAway, asking_dynamodb, asking_mysql
from message_terminal.tables import CATALOG, SEATS, TICKETS
from message_terminal.write_model.items import (
    Item,
    TicketMessage,
    catalogue_item,
    generation_of,
    number,
    seat_item,
    seat_key,
    text,
    ticket_item,
)
from message_terminal.write_model.newest import Newest
from message_terminal.write_model.rejections import rejection
from message_terminal.write_model.verdicts import Verdict, judge

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient

log = logging.getLogger(__name__)

TICKETS_AT_ONCE = 50
TRANSACTIONS_AT_ONCE = 4
ROUNDS = 6
PAUSE_SECONDS = 0.05

Reject = Callable[[TicketRejected], Awaitable[None]]
T = TypeVar("T")


class Write(Struct, frozen=True):
    """A ticket to be written, together with its seat or, once that turns out to be another's, alone."""

    message: TicketMessage
    with_seat: bool = True


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
        await _all(self._put_catalogue(catalogue_item(message)) for message in newest.catalogue)
        await self._write([Write(message) for message in newest.tickets])
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
            match judge(write.message, why[0], why[1] if write.with_seat else {"Code": "None"}):
                case Verdict.SEAT_NOT_ITS_OWN:
                    again.append(Write(write.message, with_seat=False))
                case Verdict.AGAIN:
                    again.append(write)
                case Verdict.SOLD_TO_ANOTHER:
                    await self._refuse(write.message, why[1]["Item"])
                case Verdict.WRITTEN:
                    pass
        return again

    async def _refuse(self, message: TicketMessage, seat: Item) -> None:
        owner = seat["ticketId"]["S"] if "ticketId" in seat else None
        facts = {"ticket_id": str(message.data.ticket_id), "owner_ticket_id": owner, "traceparent": message.traceparent}
        log.error("double sale", extra=facts)
        metrics.double_sales_total.labels(self.model).inc()
        await self._reject(rejection(message, owner))

    def _parts(self, write: Write) -> list[Any]:
        parts: list[Any] = [{"Put": self._ticket_put(write.message)}]
        if write.with_seat:
            parts.append({"Put": self._seat_put(write)})
        return parts

    def _ticket_put(self, message: TicketMessage) -> Item:
        return {
            "TableName": self._prefix + TICKETS,
            "Item": ticket_item(message),
            "ConditionExpression": "attribute_not_exists(ticketId) OR revision < :revision",
            "ExpressionAttributeValues": {":revision": number(message.data.revision)},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def _seat_put(self, write: Write) -> Item:
        return {
            "TableName": self._prefix + SEATS,
            "Item": seat_item(write.message),
            "ConditionExpression": "attribute_not_exists(generation) OR generation < :generation"
            " OR (generation = :generation AND ticketId = :ticketId)",
            "ExpressionAttributeValues": {
                ":generation": number(generation_of(write.message)),
                ":ticketId": text(str(write.message.data.ticket_id)),
            },
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }


def one_of_each_seat(writes: Iterable[Write]) -> list[list[Write]]:
    """Cut into turns, in order, none of which has a seat twice: a transaction may not."""
    turns: list[list[Write]] = []
    times: Counter[tuple[str, str]] = Counter()
    for write in writes:
        seat = seat_key(write.message)
        if times[seat] == len(turns):
            turns.append([])
        turns[times[seat]].append(write)
        times[seat] += 1
    return turns


def _chunks(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


async def _all(tasks: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Wait for every one, then raise what one of them raised; that the store is away comes first."""
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    for error in sorted(errors, key=lambda error: not isinstance(error, StoreAway)):
        raise error
    return [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
