"""Reads the state of an event from both models, and the payment provider's books, from outside."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import aioboto3
import aiohttp
import msgspec
from msgspec import Struct

from infra_local.platform import SANDBOX_KEY
from infra_local.servers import AWS_ENVIRONMENT

STALL_SECONDS = 60.0
"""A model has failed if its count has not changed for so long."""

POLL_SECONDS = 0.2


class ReadModel(Struct, frozen=True, kw_only=True):
    """The sold seats of each zone, and the revenue, as the queries answer them."""

    sold: dict[int, int]
    revenue: Decimal


class Holdings(Struct, frozen=True, kw_only=True):
    """The state of an event in both models."""

    in_dynamodb: set[str]
    sold: dict[int, int]
    revenue: Decimal

    @property
    def in_mysql(self) -> int:
        return sum(self.sold.values())


class Books(Struct, frozen=True, kw_only=True):
    """The provider's captured and refunded amounts, and its number of open authorisations."""

    captured: Decimal
    refunded: Decimal
    open_authorisations: int

    @property
    def kept(self) -> Decimal:
        return self.captured - self.refunded


class Stalled(Exception):
    """A model made no more progress."""


async def read_model(gateway: str, venue_id: str, event_id: str) -> ReadModel:
    """Query `count` and `money`. Money is parsed as Decimal."""
    async with aiohttp.ClientSession(gateway, raise_for_status=True) as http:
        count: Any = await _get(http, f"/api/v1/tickets/count/{event_id}")
        money: Any = await _get(http, f"/api/v1/tickets/money/{venue_id}/{event_id}")
    sold = {zone["zoneId"]: zone["soldCount"] for zone in count["zones"]}
    return ReadModel(sold=sold, revenue=Decimal(str(money["ticketPrice"])))


async def write_model(dynamodb: str, event_id: str) -> set[str]:
    """Return the ids of the event's tickets that are PAID in DynamoDB."""
    session = aioboto3.Session(
        aws_access_key_id=AWS_ENVIRONMENT["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=AWS_ENVIRONMENT["AWS_SECRET_ACCESS_KEY"],
        region_name=AWS_ENVIRONMENT["AWS_REGION"],
    )
    async with session.client("dynamodb", endpoint_url=dynamodb) as client:
        pages = client.get_paginator("scan").paginate(
            TableName="Tickets",
            FilterExpression="eventId = :event AND #status = :paid",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":event": {"S": event_id}, ":paid": {"S": "PAID"}},
            ProjectionExpression="ticketId",
        )
        return {item["ticketId"]["S"] async for page in pages for item in page["Items"]}


async def holdings(gateway: str, dynamodb: str, venue_id: str, event_id: str) -> Holdings:
    """Read both models."""
    read = await read_model(gateway, venue_id, event_id)
    return Holdings(in_dynamodb=await write_model(dynamodb, event_id), sold=read.sold, revenue=read.revenue)


async def books(sandbox: str) -> Books:
    """Read the books of the payment sandbox, which counts in hundredths."""
    headers = {"Authorization": f"Bearer {SANDBOX_KEY}"}
    async with aiohttp.ClientSession(sandbox, headers=headers, raise_for_status=True) as http:
        totals: Any = await _get(http, "/sandbox/books")
    return Books(
        captured=Decimal(totals["captured"]) / 100,
        refunded=Decimal(totals["refunded"]) / 100,
        open_authorisations=totals["open_authorisations"],
    )


async def wait_for(wanted: int, count: Callable[[], Awaitable[int]]) -> float:
    """Wait until `count` has reached `wanted`. Returns the seconds it took. Raises Stalled."""
    started = progressed = time.monotonic()
    reached = -1
    while True:
        polled = time.monotonic()
        now = await count()
        if now >= wanted:
            return time.monotonic() - started
        if now != reached:
            reached, progressed = now, time.monotonic()
        if time.monotonic() - progressed > STALL_SECONDS:
            raise Stalled(f"{reached} of {wanted} arrived, and no more for {STALL_SECONDS} s")
        # Counting a large table takes time that the store needs for its progress, so count seldom.
        await asyncio.sleep(max(POLL_SECONDS, 4 * (time.monotonic() - polled)))


async def _get(http: aiohttp.ClientSession, path: str) -> object:
    async with http.get(path) as response:
        return msgspec.json.decode(await response.read())
