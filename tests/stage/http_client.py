"""A client of purchase's HTTP interface, with the bodies that it sends."""

import ssl
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

Json = dict[str, Any]

# No test uses TLS here, and httpx would load every certificate authority for each client.
_NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

ADMIN = {"Authorization": "Bearer local-admin-token"}


def zone_body(zone_id: int = 1, **changes: Any) -> Json:
    """Return a zone of five rows of eight seats at 25.00."""
    return {"zoneId": zone_id, "ticketPrice": 25.0, "rowCount": 5, "colCount": 8, **changes}


def venue_body(*zones: Json, **changes: Any) -> Json:
    """Return a venue with these zones, by default with one."""
    defaults = {"name": "Studio Stage", "city": "Vancouver", "currency": "USD"}
    return {**defaults, "zones": list(zones or [zone_body()]), **changes}


def event_body(venue_id: str, **changes: Any) -> Json:
    """Return a concert that is on sale at once."""
    return {"venueId": venue_id, "name": "Studio Night", "type": "concert", "date": "2030-01-02", **changes}


def unique(kind: str) -> str:
    """Return an id that no other test uses."""
    return f"{kind}-{uuid.uuid4().hex[:12]}"


@dataclass(frozen=True)
class EventOnSale:
    """An event at its venue."""

    venue_id: str
    event_id: str

    def seat(self, row: str = "1", column: str = "a", **changes: Any) -> Json:
        """Return an order for one seat of zone 1, without the fields that are None."""
        defaults = {"venueId": self.venue_id, "eventId": self.event_id, "zoneId": 1, "row": row, "column": column}
        return {name: value for name, value in {**defaults, **changes}.items() if value is not None}

    def hold(self, *labels: str, **changes: Any) -> Json:
        """Return an order to hold seats of zone 1 ("1a"), without the fields that are None."""
        seats = [{"zoneId": 1, "row": label[:-1], "column": label[-1]} for label in labels or ("1a",)]
        return self._order({"seats": seats}, changes)

    def best(self, quantity: int, **changes: Any) -> Json:
        """Return an order to hold the best seats of zone 1, without the fields that are None."""
        return self._order({"zoneId": 1, "quantity": quantity}, changes)

    def _order(self, seats: Json, changes: Json) -> Json:
        whole = {"eventId": self.event_id, **seats, **changes}
        return {name: value for name, value in whole.items() if value is not None}


class PurchaseClient:
    """A client of one purchase process: its commands as methods."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def buy(self, order: Json, *, key: str | None = None) -> httpx.Response:
        return await self.http.post("/api/v1/tickets", json=order, headers={"Idempotency-Key": key} if key else {})

    async def bought(self, order: Json) -> Json:
        """Buy with an order that must succeed, and return the ticket."""
        answer = await self.buy(order)
        assert answer.status_code == 201, answer.text
        ticket: Json = answer.json()
        return ticket

    async def hold(self, order: Json, *, key: str | None = None) -> httpx.Response:
        return await self.http.post("/api/v1/holds", json=order, headers={"Idempotency-Key": key} if key else {})

    async def held(self, order: Json) -> Json:
        """Hold with an order that must succeed, and return the hold."""
        answer = await self.hold(order)
        assert answer.status_code == 201, answer.text
        hold: Json = answer.json()
        return hold

    async def get_hold(self, hold: Json) -> httpx.Response:
        return await self.http.get(f"/api/v1/holds/{hold['holdId']}")

    async def release(self, hold: Json) -> httpx.Response:
        return await self.http.delete(f"/api/v1/holds/{hold['holdId']}")

    async def pay(self, hold: Json, method: str | None = "pm_card_visa", *, key: str | None = None) -> httpx.Response:
        body = {"paymentMethod": method} if method else {}
        headers = {"Idempotency-Key": key} if key else {}
        return await self.http.post(f"/api/v1/holds/{hold['holdId']}/payment", json=body, headers=headers)

    async def confirm(self, hold: Json) -> httpx.Response:
        return await self.http.post(f"/api/v1/holds/{hold['holdId']}/confirm")

    async def confirmed(self, hold: Json) -> Json:
        """Pay and confirm a hold, which must succeed, and return the confirmation."""
        assert (await self.pay(hold)).status_code == 201
        answer = await self.confirm(hold)
        assert answer.status_code == 201, answer.text
        confirmation: Json = answer.json()
        return confirmation

    async def cancel(self, ticket: Json, **headers: str) -> httpx.Response:
        """Cancel a ticket, with its receipt unless `headers` are given."""
        return await self.http.delete(
            f"/api/v1/tickets/{ticket['ticketId']}", headers=headers or {"Receipt": ticket["receipt"]}
        )

    async def define(self, venue_id: str, *zones: Json, **changes: Any) -> httpx.Response:
        return await self.http.put(f"/api/v1/venues/{venue_id}", json=venue_body(*zones, **changes), headers=ADMIN)

    async def schedule(self, event: EventOnSale, **changes: Any) -> httpx.Response:
        body = event_body(event.venue_id, **changes)
        return await self.http.put(f"/api/v1/events/{event.event_id}", json=body, headers=ADMIN)

    async def put_on_sale(self, *zones: Json, **changes: Any) -> EventOnSale:
        """Define a new venue with these zones and a new event there; `changes` are the event's."""
        event = EventOnSale(unique("venue"), unique("event"))
        defined = await self.define(event.venue_id, *zones)
        assert defined.status_code == 201, defined.text
        assert (await self.schedule(event, **changes)).status_code == 201
        return event


@asynccontextmanager
async def open_client(url: str, *, timeout_seconds: float = 20) -> AsyncIterator[PurchaseClient]:
    """A client of the purchase process at this URL."""
    async with httpx.AsyncClient(base_url=url, timeout=timeout_seconds, verify=_NO_AUTHORITIES) as http:
        yield PurchaseClient(http)
