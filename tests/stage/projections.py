"""What lies in the two models, read past the code that wrote it."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.stage.stores.isolation import Tables

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient

Rows = list[dict[str, Any]]


async def rows(engine: AsyncEngine, statement: str, **values: object) -> Rows:
    """The rows of a SELECT."""
    async with engine.connect() as connection:
        return [dict(row) for row in (await connection.execute(text(statement), values)).mappings()]


async def figures(engine: AsyncEngine, event_id: str = "Event2") -> dict[int, tuple[int, int]]:
    """Sold count and revenue in cents of each zone that sold anything."""
    found = await rows(engine, "SELECT * FROM zone_sales WHERE event_id = :event_id", event_id=event_id)
    sold = {row["zone_id"]: (row["sold_count"], row["revenue_cents"]) for row in found}
    return {zone_id: figure for zone_id, figure in sold.items() if figure != (0, 0)}


async def position(engine: AsyncEngine, partition: int) -> str | None:
    """How far a partition has got."""
    (row,) = await rows(engine, "SELECT * FROM projection_position WHERE partition_id = :id", id=partition)
    return None if row["epoch"] is None else f"{row['epoch']}-{row['sequence']}"


async def parked(engine: AsyncEngine) -> Rows:
    """All parked messages, the oldest first."""
    return await rows(engine, "SELECT * FROM parked_message ORDER BY id")


async def items(client: "DynamoDBClient", tables: Tables, name: str) -> list[dict[str, Any]]:
    """All items of one of DynamoDB's tables, as plain values."""
    found: list[dict[str, Any]] = []
    async for page in client.get_paginator("scan").paginate(TableName=tables.prefix + name, ConsistentRead=True):
        found += [
            {name: int(value["N"]) if "N" in value else value["S"] for name, value in item.items()}
            for item in page["Items"]
        ]
    return found
