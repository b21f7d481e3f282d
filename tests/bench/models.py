"""How far behind the sales both models are."""

import asyncio

import httpx
from infra_local.demo.verdict import read_model, wait_for
from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.private import PrivatePlatform


class Behind(Struct, frozen=True, kw_only=True):
    """Seconds until each model held all."""

    read_model: float
    write_model: float


async def wait_for_both(platform: PrivatePlatform, venue_id: str, event_id: str, sold: int, before: int) -> Behind:
    """Until both hold so many tickets of an event; `before` is what the write model had `projected` before its first.

    Raises Stalled.
    """

    async def in_read_model() -> int:
        return sum((await read_model(platform.url, venue_id, event_id)).sold.values())

    async def in_write_model() -> int:
        # Counting its table would keep the store from its work.
        return await projected(platform) - before

    read_seconds, write_seconds = await asyncio.gather(wait_for(sold, in_read_model), wait_for(sold, in_write_model))
    return Behind(read_model=read_seconds, write_model=write_seconds)


async def projected(platform: PrivatePlatform) -> int:
    """Messages that the write model has taken in."""
    async with httpx.AsyncClient() as http:
        metrics = (await http.get(f"{platform.url_of('terminal-write')}/metrics")).raise_for_status().text
    return sum(
        int(sample.value)
        for family in text_string_to_metric_families(metrics)
        for sample in family.samples
        if sample.name == "messages_projected_total"
    )
