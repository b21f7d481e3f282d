"""Measures how far both models are behind the sales."""

import asyncio

import httpx
from infra_local.demo.verdict import read_model, wait_for
from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families

from tests.stage.platforms.private import PrivatePlatform


class Behind(Struct, frozen=True, kw_only=True):
    """The seconds until each model contained all sales."""

    read_model: float
    write_model: float


async def wait_for_both(platform: PrivatePlatform, venue_id: str, event_id: str, sold: int, before: int) -> Behind:
    """Wait until both models contain `sold` tickets of an event.

    `before` is the result of `projected` before the first sale. Raises Stalled.
    """

    async def in_read_model() -> int:
        return sum((await read_model(platform.url, venue_id, event_id)).sold.values())

    async def in_write_model() -> int:
        # Counting the table would slow the store down.
        return await projected(platform) - before

    read_seconds, write_seconds = await asyncio.gather(wait_for(sold, in_read_model), wait_for(sold, in_write_model))
    return Behind(read_model=read_seconds, write_model=write_seconds)


async def projected(platform: PrivatePlatform) -> int:
    """Return the number of messages that the write model has projected."""
    async with httpx.AsyncClient() as http:
        metrics = (await http.get(f"{platform.url_of('terminal-write')}/metrics")).raise_for_status().text
    return sum(
        int(sample.value)
        for family in text_string_to_metric_families(metrics)
        for sample in family.samples
        if sample.name == "messages_projected_total"
    )
