"""A crowd that buys out a zone by holding seats and paying for them, as fickle as real ones.

Some cards are declined and another is tried; some customers give up before paying or while they pay, some leave without
a word, and some undo what they have bought. Whoever finds no seat waits for those of the others to come free.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import aiohttp
from msgspec import Struct

from infra_local.demo.crowd import Answer, buying, insist

LARGEST_PARTY = 4
PAUSE_SECONDS = 0.5
PATIENCE_SECONDS = 240.0
"""How long nothing may be sold before the crowd goes home: twice as long as seats are held for those who left."""

CARD = "pm_card_visa"
DECLINED_CARD = "pm_card_visa_chargeDeclined"
CARD_THAT_ASKS = "pm_card_authenticationRequired"

WHIMS = {"pay": 70, "be declined": 10, "give up": 5, "give up while paying": 5, "leave": 4, "undo": 6}
"""What a customer may do, and how often of a hundred times."""


class Sellout(Struct, kw_only=True):
    """What became of the crowd so far; `tickets` are those that are still theirs."""

    wanted: int
    tickets: dict[str, float] = {}
    undone: int = 0
    declined: int = 0
    given_up: int = 0
    left: int = 0
    repeated: int = 0
    failed: list[str] = []
    seconds: float = 0.0
    last_sale: float = 0.0

    @property
    def price(self) -> Decimal:
        return sum((Decimal(str(price)) for price in self.tickets.values()), Decimal(0))

    @property
    def is_over(self) -> bool:
        patience_ended = time.monotonic() - self.last_sale > PATIENCE_SECONDS
        return len(self.tickets) >= self.wanted or bool(self.failed) or patience_ended


class Unexpected(Exception):
    """An answer that no customer should ever get."""


async def sell_out(
    gateway: str,
    event_id: str,
    zone_id: int,
    seats: int,
    *,
    customers: int = 32,
    whims: Mapping[str, int] = WHIMS,
    seed: int = 0,
    on_progress: Callable[[Sellout], None] = lambda _: None,
) -> Sellout:
    """Let the crowd buy until these free `seats` are sold, an answer is wrong, or nothing is sold any more."""
    result = Sellout(wanted=seats, last_sale=time.monotonic())
    started = time.monotonic()
    async with buying(gateway, customers) as http:

        async def come_again(number: int) -> None:
            mind = random.Random(f"{seed}-{number}")  # noqa: S311 - a crowd that can be let in again
            while not result.is_over:
                try:
                    await _Visit(http, result, mind, whims).buy(event_id, zone_id)
                except Unexpected as answer:
                    result.failed.append(str(answer))
                on_progress(result)

        async with asyncio.TaskGroup() as crowd:
            for number in range(customers):
                crowd.create_task(come_again(number))
    result.seconds = time.monotonic() - started
    return result


class _Visit:
    """One customer's try to buy some seats."""

    def __init__(
        self, http: aiohttp.ClientSession, result: Sellout, mind: random.Random, whims: Mapping[str, int]
    ) -> None:
        self._http = http
        self._result = result
        self._mind = mind
        self._whims = whims

    async def buy(self, event_id: str, zone_id: int) -> None:
        """Raises Unexpected."""
        hold = await self._hold(event_id, zone_id)
        if hold is None:
            await asyncio.sleep(PAUSE_SECONDS)
            return
        path = f"/api/v1/holds/{hold}"
        match self._whim():
            case "leave":
                self._result.left += 1
            case "give up":
                await self._give_up(path)
            case "give up while paying":
                await self._pay(path, CARD_THAT_ASKS)
                await self._give_up(path)
            case "be declined":
                await self._pay(path, DECLINED_CARD, expect=402)
                self._result.declined += 1
                await self._pay_and_confirm(path)
            case "undo":
                [first, *_] = await self._pay_and_confirm(path)
                await self._undo(first)
            case _:
                await self._pay_and_confirm(path)

    def _whim(self) -> str:
        """Late in the sale nobody leaves without a word any more: it takes minutes until such seats are free."""
        [whim] = self._mind.choices(list(self._whims), list(self._whims.values()))
        is_late = len(self._result.tickets) > self._result.wanted / 2
        return "pay" if whim == "leave" and is_late else whim

    async def _hold(self, event_id: str, zone_id: int) -> str | None:
        """As many seats as are free, up to a party's; None when there are none just now."""
        wanted = self._mind.randint(1, LARGEST_PARTY)
        while wanted:
            body = {"eventId": event_id, "zoneId": zone_id, "quantity": wanted}
            answer = await self._insist("POST", "/api/v1/holds", body)
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
        """Ask again as long as the payment is undecided, until patience ends."""
        patience_ends = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer = await self._insist("POST", f"{path}/confirm")
            if answer.status != 202 or time.monotonic() > patience_ends:
                return answer
            await asyncio.sleep(PAUSE_SECONDS)

    async def _pay(self, path: str, card: str, *, expect: int = 201) -> None:
        _expect(await self._insist("POST", f"{path}/payment", {"paymentMethod": card}), expect)

    async def _give_up(self, path: str) -> None:
        _expect(await self._insist("DELETE", path, headers={}), 204)
        self._result.given_up += 1

    async def _undo(self, ticket: dict[str, Any]) -> None:
        path, receipt = f"/api/v1/tickets/{ticket['ticketId']}", {"Receipt": ticket["receipt"]}
        _expect(await self._insist("DELETE", path, headers=receipt), 200)
        del self._result.tickets[ticket["ticketId"]]
        self._result.undone += 1

    async def _insist(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        answer = await insist(self._http, method, path, body, headers)
        self._result.repeated += answer.repeated
        return answer


def _expect(answer: Answer, status: int) -> Any:
    if answer.status != status:
        raise Unexpected(f"{answer.status} {answer.body}")
    return answer.body
