"""Projects onto DynamoDB: tickets, the owner of each seat, and the catalogue.

A ticket and its seat are written in one transaction, with up to fifty tickets. Conditions make the
writes idempotent and independent of order. The condition on the seat is the last check for a double
sale.
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
from message_terminal.stores import StoreUnavailable, calling_dynamodb, calling_mysql
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
ATTEMPTS_MAX = 6
PAUSE_SECONDS = 0.05

Reject = Callable[[TicketRejected], Awaitable[None]]
T = TypeVar("T")


class Write(Struct, frozen=True):
    """A ticket to write, with its seat, or alone if the seat is not the ticket's (any more)."""

    message: TicketMessage
    with_seat: bool = True


class WriteModelProjector:
    """The projector of the write model; refused messages are parked in MySQL."""

    model = WRITE

    def __init__(self, client: "DynamoDBClient", prefix: str, engine: AsyncEngine, reject: Reject) -> None:
        self._client = client
        self._prefix = prefix
        self._engine = engine
        self._reject = reject
        self._transactions = asyncio.Semaphore(TRANSACTIONS_AT_ONCE)

    async def project(self, messages: Sequence[AnyMessage], refused: Sequence[Refused] = ()) -> None:
        """Project messages, send purchase the rejections, and park refused messages.

        Raises StoreUnavailable, ClientError, ValueError.
        """
        newest = Newest(messages)
        await _gather(self._put_catalogue(catalogue_item(message)) for message in newest.catalogue)
        await self._write([Write(message) for message in newest.tickets])
        if refused:
            async with calling_mysql(), self._engine.begin() as connection:
                await park(connection, self.model, refused)

    async def _put_catalogue(self, item: Item) -> None:
        async with self._transactions, calling_dynamodb():
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
        for attempt in range(ATTEMPTS_MAX):
            remaining: list[Write] = []
            for distinct in split_repeated_seats(writes):
                unwritten = await _gather(self._transact(chunk) for chunk in _chunks(distinct, TICKETS_AT_ONCE))
                remaining += [write for chunk in unwritten for write in chunk]
            if not remaining:
                return
            writes = remaining
            await asyncio.sleep(PAUSE_SECONDS * attempt)
        raise StoreUnavailable(f"DynamoDB: {len(writes)} tickets conflict with another writer")

    async def _transact(self, writes: Sequence[Write]) -> list[Write]:
        """Write all or none; return those to write again."""
        puts = [self._puts(write) for write in writes]
        async with self._transactions, calling_dynamodb():
            try:
                await self._client.transact_write_items(TransactItems=[put for both in puts for put in both])
            except ClientError as error:
                if error.response["Error"]["Code"] != "TransactionCanceledException":
                    raise
                reasons = iter(error.response["CancellationReasons"])
            else:
                return []
        return await self._evaluate(writes, [[next(reasons) for _ in both] for both in puts])

    async def _evaluate(self, writes: Sequence[Write], reasons: Sequence[Sequence[Any]]) -> list[Write]:
        again: list[Write] = []
        for write, codes in zip(writes, reasons, strict=True):
            match judge(write.message, codes[0], codes[1] if write.with_seat else {"Code": "None"}):
                case Verdict.WRITE_WITHOUT_SEAT:
                    again.append(Write(write.message, with_seat=False))
                case Verdict.RETRY:
                    again.append(write)
                case Verdict.DOUBLE_SALE:
                    await self._refuse(write.message, codes[1]["Item"])
                case Verdict.WRITTEN:
                    pass
        return again

    async def _refuse(self, message: TicketMessage, seat: Item) -> None:
        owner = seat["ticketId"]["S"] if "ticketId" in seat else None
        facts = {"ticket_id": str(message.data.ticket_id), "owner_ticket_id": owner, "traceparent": message.traceparent}
        log.error("double sale", extra=facts)
        metrics.double_sales_total.labels(self.model).inc()
        await self._reject(rejection(message, owner))

    def _puts(self, write: Write) -> list[Any]:
        puts: list[Any] = [{"Put": self._ticket_put(write.message)}]
        if write.with_seat:
            puts.append({"Put": self._seat_put(write)})
        return puts

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


def split_repeated_seats(writes: Iterable[Write]) -> list[list[Write]]:
    """Split writes into groups, in order, so that no transaction writes a seat twice."""
    groups: list[list[Write]] = []
    times: Counter[tuple[str, str]] = Counter()
    for write in writes:
        seat = seat_key(write.message)
        if times[seat] == len(groups):
            groups.append([])
        groups[times[seat]].append(write)
        times[seat] += 1
    return groups


def _chunks(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


async def _gather(tasks: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Wait for all, then raise the first error, StoreUnavailable before any other."""
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    for error in sorted(errors, key=lambda error: not isinstance(error, StoreUnavailable)):
        raise error
    return [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
