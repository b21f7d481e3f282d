"""Queries that read both models from their stores, without the code that writes them."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.stage.stores.isolation import Tables

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient

Rows = list[dict[str, Any]]


async def rows(engine: AsyncEngine, statement: str, **values: object) -> Rows:
    """Return the rows of a SELECT."""
    async with engine.connect() as connection:
        return [dict(row) for row in (await connection.execute(text(statement), values)).mappings()]


async def figures(engine: AsyncEngine, event_id: str = "Event2") -> dict[int, tuple[int, int]]:
    """Return sold count and revenue in cents of each zone with sales."""
    zones = await rows(engine, "SELECT * FROM zone_sales WHERE event_id = :event_id", event_id=event_id)
    sold = {row["zone_id"]: (row["sold_count"], row["revenue_cents"]) for row in zones}
    return {zone_id: figure for zone_id, figure in sold.items() if figure != (0, 0)}


async def position(engine: AsyncEngine, partition: int) -> str | None:
    """Return the last projected position of a partition."""
    (row,) = await rows(engine, "SELECT * FROM projection_position WHERE partition_id = :id", id=partition)
    return None if row["epoch"] is None else f"{row['epoch']}-{row['sequence']}"


async def parked(engine: AsyncEngine) -> Rows:
    """Return all parked messages, the oldest first."""
    return await rows(engine, "SELECT * FROM parked_message ORDER BY id")


async def items(client: "DynamoDBClient", tables: Tables, name: str) -> list[dict[str, Any]]:
    """Return all items of a DynamoDB table, as plain values."""
    plain: list[dict[str, Any]] = []
    async for page in client.get_paginator("scan").paginate(TableName=tables.prefix + name, ConsistentRead=True):
        plain += [
            {name: int(value["N"]) if "N" in value else value["S"] for name, value in item.items()}
            for item in page["Items"]
        ]
    return plain
