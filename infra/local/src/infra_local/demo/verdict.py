"""What both models hold of an event, and the payment provider's books, asked from outside."""

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
"""A model whose count has not moved for so long has failed; while it moves it is waited for."""

POLL_SECONDS = 0.2


class ReadModel(Struct, frozen=True, kw_only=True):
    """Sold seats of each zone, and the revenue, as the queries tell them."""

    sold: dict[int, int]
    revenue: Decimal


class Holdings(Struct, frozen=True, kw_only=True):
    """What both models hold of an event."""

    in_dynamodb: set[str]
    sold: dict[int, int]
    revenue: Decimal

    @property
    def in_mysql(self) -> int:
        return sum(self.sold.values())


class Books(Struct, frozen=True, kw_only=True):
    """What the payment provider has taken and given back, and how many payments still set money aside."""

    captured: Decimal
    refunded: Decimal
    open_authorisations: int

    @property
    def kept(self) -> Decimal:
        return self.captured - self.refunded


class Stalled(Exception):
    """A model did not get any further."""


async def read_model(gateway: str, venue_id: str, event_id: str) -> ReadModel:
    """Ask `count` and `money`. Money is read as Decimal."""
    async with aiohttp.ClientSession(gateway, raise_for_status=True) as http:
        count: Any = await _get(http, f"/api/v1/tickets/count/{event_id}")
        money: Any = await _get(http, f"/api/v1/tickets/money/{venue_id}/{event_id}")
    sold = {zone["zoneId"]: zone["soldCount"] for zone in count["zones"]}
    return ReadModel(sold=sold, revenue=Decimal(str(money["ticketPrice"])))


async def write_model(dynamodb: str, event_id: str) -> set[str]:
    """Ids of the event's tickets that DynamoDB holds as PAID."""
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
    """Ask both models."""
    told = await read_model(gateway, venue_id, event_id)
    return Holdings(in_dynamodb=await write_model(dynamodb, event_id), sold=told.sold, revenue=told.revenue)


async def books(sandbox: str) -> Books:
    """Ask the payment sandbox; it counts in hundredths."""
    headers = {"Authorization": f"Bearer {SANDBOX_KEY}"}
    async with aiohttp.ClientSession(sandbox, headers=headers, raise_for_status=True) as http:
        told: Any = await _get(http, "/sandbox/books")
    return Books(
        captured=Decimal(told["captured"]) / 100,
        refunded=Decimal(told["refunded"]) / 100,
        open_authorisations=told["open_authorisations"],
    )


async def wait_for(wanted: int, count: Callable[[], Awaitable[int]]) -> float:
    """Seconds until `count` has reached `wanted`. Raises Stalled."""
    started = moved = time.monotonic()
    reached = -1
    while True:
        asked = time.monotonic()
        now = await count()
        if now >= wanted:
            return time.monotonic() - started
        if now != reached:
            reached, moved = now, time.monotonic()
        if time.monotonic() - moved > STALL_SECONDS:
            raise Stalled(f"{reached} of {wanted}, and no more for {STALL_SECONDS} s")
        # Counting a great table takes a store's time, which it needs to get further.
        await asyncio.sleep(max(POLL_SECONDS, 4 * (time.monotonic() - asked)))


async def _get(http: aiohttp.ClientSession, path: str) -> object:
    async with http.get(path) as response:
        return msgspec.json.decode(await response.read())
