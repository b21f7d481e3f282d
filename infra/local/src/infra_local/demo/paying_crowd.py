"""A crowd of customers who buy a whole zone with holds and payments.

Some cards are declined, and the customer uses another. Some customers release their hold before or
during the payment, some abandon it until it expires, and some cancel a ticket they have bought. A
customer who finds no free seat waits and tries again.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import aiohttp
from msgspec import Struct

from infra_local.demo.crowd import Answer, call_with_retries, http_session

LARGEST_PARTY = 4
PAUSE_SECONDS = 0.5
STALL_SECONDS = 240.0
"""The crowd gives up after so long without a sale: twice the lifetime of an abandoned hold."""

CARD = "pm_card_visa"
DECLINED_CARD = "pm_card_visa_chargeDeclined"
CARD_WITH_AUTHENTICATION = "pm_card_authenticationRequired"

BEHAVIOURS = {"pay": 70, "be declined": 10, "release": 5, "release while paying": 5, "abandon": 4, "cancel": 6}
"""The behaviours of customers, in percent."""


class Sellout(Struct, kw_only=True):
    """The outcomes so far; `tickets` are those that were not cancelled."""

    wanted: int
    tickets: dict[str, float] = {}
    cancelled: int = 0
    declined: int = 0
    released: int = 0
    abandoned: int = 0
    retried: int = 0
    failed: list[str] = []
    seconds: float = 0.0
    last_sale: float = 0.0

    @property
    def price(self) -> Decimal:
        return sum((Decimal(str(price)) for price in self.tickets.values()), Decimal(0))

    @property
    def is_over(self) -> bool:
        is_stalled = time.monotonic() - self.last_sale > STALL_SECONDS
        return len(self.tickets) >= self.wanted or bool(self.failed) or is_stalled


class Unexpected(Exception):
    """An answer that no customer should get."""


async def sell_out(
    gateway: str,
    event_id: str,
    zone_id: int,
    seats: int,
    *,
    customers: int = 32,
    behaviours: Mapping[str, int] = BEHAVIOURS,
    seed: int = 0,
    on_progress: Callable[[Sellout], None] = lambda _: None,
) -> Sellout:
    """Let the crowd buy until all `seats` are sold, an answer is wrong, or sales have stalled."""
    result = Sellout(wanted=seats, last_sale=time.monotonic())
    started = time.monotonic()
    async with http_session(gateway, customers) as http:

        async def buy_repeatedly(number: int) -> None:
            randomness = random.Random(f"{seed}-{number}")  # noqa: S311 - a crowd that can be reproduced
            while not result.is_over:
                try:
                    await _Visit(http, result, randomness, behaviours).buy(event_id, zone_id)
                except Unexpected as answer:
                    result.failed.append(str(answer))
                on_progress(result)

        async with asyncio.TaskGroup() as crowd:
            for number in range(customers):
                crowd.create_task(buy_repeatedly(number))
    result.seconds = time.monotonic() - started
    return result


class _Visit:
    """One customer's attempt to buy some seats."""

    def __init__(
        self, http: aiohttp.ClientSession, result: Sellout, randomness: random.Random, behaviours: Mapping[str, int]
    ) -> None:
        self._http = http
        self._result = result
        self._randomness = randomness
        self._behaviours = behaviours

    async def buy(self, event_id: str, zone_id: int) -> None:
        """Hold seats and behave in one of the ways. Raises Unexpected."""
        hold = await self._hold(event_id, zone_id)
        if hold is None:
            await asyncio.sleep(PAUSE_SECONDS)
            return
        path = f"/api/v1/holds/{hold}"
        match self._behaviour():
            case "abandon":
                self._result.abandoned += 1
            case "release":
                await self._release(path)
            case "release while paying":
                await self._pay(path, CARD_WITH_AUTHENTICATION)
                await self._release(path)
            case "be declined":
                await self._pay(path, DECLINED_CARD, expect=402)
                self._result.declined += 1
                await self._pay_and_confirm(path)
            case "cancel":
                [first, *_] = await self._pay_and_confirm(path)
                await self._cancel(first)
            case _:
                await self._pay_and_confirm(path)

    def _behaviour(self) -> str:
        """Choose at random; in the second half of the sale no hold is abandoned.

        An abandoned hold keeps its seats for minutes.
        """
        [behaviour] = self._randomness.choices(list(self._behaviours), list(self._behaviours.values()))
        is_late = len(self._result.tickets) > self._result.wanted / 2
        return "pay" if behaviour == "abandon" and is_late else behaviour

    async def _hold(self, event_id: str, zone_id: int) -> str | None:
        """Hold up to LARGEST_PARTY seats, as many as are free. Returns None if none is free."""
        wanted = self._randomness.randint(1, LARGEST_PARTY)
        while wanted:
            body = {"eventId": event_id, "zoneId": zone_id, "quantity": wanted}
            answer = await self._call("POST", "/api/v1/holds", body)
            if answer.status == 201:
                return str(answer.body["holdId"])
            if answer.status != 409:
                raise Unexpected(f"{answer.status} {answer.body}")
            wanted = min(wanted - 1, answer.body["available"])
        return None

    async def _pay_and_confirm(self, path: str) -> list[dict[str, Any]]:
        await self._pay(path, CARD)
        tickets: list[dict[str, Any]] = _expect(await self._confirm(path), 201)["tickets"]
        self._result.tickets |= {ticket["ticketId"]: ticket["price"] for ticket in tickets}
        self._result.last_sale = time.monotonic()
        return tickets

    async def _confirm(self, path: str) -> Answer:
        """Retry while the payment is undecided, until the deadline."""
        deadline = time.monotonic() + STALL_SECONDS
        while True:
            answer = await self._call("POST", f"{path}/confirm")
            if answer.status != 202 or time.monotonic() > deadline:
                return answer
            await asyncio.sleep(PAUSE_SECONDS)

    async def _pay(self, path: str, card: str, *, expect: int = 201) -> None:
        _expect(await self._call("POST", f"{path}/payment", {"paymentMethod": card}), expect)

    async def _release(self, path: str) -> None:
        _expect(await self._call("DELETE", path, headers={}), 204)
        self._result.released += 1

    async def _cancel(self, ticket: dict[str, Any]) -> None:
        path, receipt = f"/api/v1/tickets/{ticket['ticketId']}", {"Receipt": ticket["receipt"]}
        _expect(await self._call("DELETE", path, headers=receipt), 200)
        del self._result.tickets[ticket["ticketId"]]
        self._result.cancelled += 1

    async def _call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        answer = await call_with_retries(self._http, method, path, body, headers)
        self._result.retried += answer.retried
        return answer


def _expect(answer: Answer, status: int) -> Any:
    if answer.status != status:
        raise Unexpected(f"{answer.status} {answer.body}")
    return answer.body
