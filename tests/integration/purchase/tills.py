"""The calls of a customer who holds seats and pays for them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from tests.integration.purchase.shows import Json, Show, Window, open_window


class Till(Window):
    """The ticket window, where seats are also held and paid for."""

    async def hold(self, order: Json) -> Json:
        """The hold of an order that must succeed."""
        answer = await self.http.post("/api/v1/holds", json=order)
        assert answer.status_code == 201, answer.text
        hold: Json = answer.json()
        return hold

    async def look_at(self, hold: Json) -> Json:
        """The hold as it is now."""
        answer = await self.http.get(_path(hold))
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    async def pay(self, hold: Json, method: str | None = "pm_card_visa", *, key: str | None = None) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        body = {"paymentMethod": method} if method else {}
        return await self.http.post(f"{_path(hold)}/payment", json=body, headers=headers)

    async def confirm(self, hold: Json) -> httpx.Response:
        return await self.http.post(f"{_path(hold)}/confirm")

    async def release(self, hold: Json) -> httpx.Response:
        return await self.http.delete(_path(hold))

    async def bought_hold(self, hold: Json) -> Json:
        """The confirmation of a hold whose payment must succeed."""
        assert (await self.pay(hold)).status_code == 201
        answer = await self.confirm(hold)
        assert answer.status_code == 201, answer.text
        confirmation: Json = answer.json()
        return confirmation


def seats_of(show: Show, *places: tuple[str, str]) -> Json:
    """The order for these seats of zone 1, for the first two when none are named."""
    wanted = places or (("1", "a"), ("1", "b"))
    return {"eventId": show.event_id, "seats": [{"zoneId": 1, "row": row, "column": column} for row, column in wanted]}


@asynccontextmanager
async def open_till(url: str, *, timeout_seconds: float = 20) -> AsyncIterator[Till]:
    """The calls of the purchase process that answers there."""
    async with open_window(url, timeout_seconds=timeout_seconds) as window:
        yield Till(window.http)


def _path(hold: Json) -> str:
    return f"/api/v1/holds/{hold['holdId']}"
