"""A confirmation goes through the rooms in one direction, and returns to none more than twice."""

import inspect
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from purchase.holds.ledger import HoldLedger
from purchase.payments.cashier import Cashier, Confirmed
from purchase.payments.ledger import PaymentLedger
from purchase.payments.steps import PaymentSteps
from purchase.providers.intents import Intents
from purchase.seats.inventory import Inventory
from redis import Redis

from tests.stage.payment_scenario import PaymentScenario, payment_scenario
from tests.stage.sandboxes import Sandbox

ROOMS = (Cashier, PaymentSteps, PaymentLedger, HoldLedger, Inventory, Intents)


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    with Redis.from_url(redis_url) as own:
        yield own


@pytest.fixture
async def scenario(redis_url: str, client: Any, sandbox: Sandbox) -> AsyncIterator[PaymentScenario]:
    async with payment_scenario(redis_url, client, sandbox) as scenario:
        yield scenario


class Entries:
    """A count of the calls that enter a room from outside."""

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()
        self._depth: Counter[str] = Counter()

    def counted(self, room: str, method: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*arguments: Any, **named: Any) -> Any:
            self.count[room] += not self._depth[room]
            self._depth[room] += 1
            try:
                return await method(*arguments, **named)
            finally:
                self._depth[room] -= 1

        return call


@pytest.fixture
def entries(monkeypatch: pytest.MonkeyPatch) -> Entries:
    entries = Entries()
    for room in ROOMS:
        for name, method in vars(room).items():
            if inspect.iscoroutinefunction(method):
                monkeypatch.setattr(room, name, entries.counted(room.__name__, method))
    return entries


async def test_a_confirmation_returns_to_no_room_more_than_twice(scenario: PaymentScenario, entries: Entries) -> None:
    hold = await scenario.hold()
    assert hold is not None
    await scenario.process().cashier.pay(hold.hold_id, "pm_card_visa", None)
    entries.count.clear()

    assert isinstance(await scenario.process().cashier.confirm(hold.hold_id), Confirmed)

    assert (entries.count["Cashier"], entries.count["PaymentSteps"]) == (1, 1)
    assert max(entries.count.values()) == 3, entries.count
