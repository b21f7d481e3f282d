"""Undoing a paid ticket over HTTP: the same answer in any case, and one refund."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.stage import sandboxes
from tests.stage.clock import pass_time_of_event
from tests.stage.http_client import ADMIN, EventOnSale, Json, PurchaseClient
from tests.stage.polling import until
from tests.stage.redis_state import RedisState
from tests.stage.sandboxes import Sandbox

pytestmark = pytest.mark.at_the_sandbox

LATER_MS = 120_000


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox that sends no webhooks."""
    with sandboxes.serving(SLOW_SECONDS="600") as running:
        yield running


@pytest.fixture
async def tickets(client: PurchaseClient, hold: Json) -> list[Json]:
    """Two tickets of one payment."""
    bought: list[Json] = (await client.confirmed(hold))["tickets"]
    return bought


def refunded(sandbox: Sandbox) -> tuple[int, int]:
    """Return how much of the last payment was refunded, and in how many parts."""
    entry = sandbox.books()["payment_intents"][-1]
    return entry["refunded"], entry["refunds"]


async def test_an_undone_ticket_is_refunded(client: PurchaseClient, sandbox: Sandbox, tickets: list[Json]) -> None:
    answer = await client.cancel(tickets[0])

    cancelled = {name: value for name, value in tickets[0].items() if name != "receipt"} | {"status": "CANCELLED"}
    assert (answer.status_code, answer.json()) == (200, cancelled)
    assert refunded(sandbox) == (2_500, 1)

    assert (await client.cancel(tickets[1], **ADMIN)).status_code == 200
    assert refunded(sandbox) == (5_000, 2)


async def test_a_ticket_that_is_undone_concurrently_is_refunded_once(
    client: PurchaseClient, sandbox: Sandbox, tickets: list[Json]
) -> None:
    answers = await asyncio.gather(*(client.cancel(tickets[0]) for _ in range(20)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert refunded(sandbox) == (2_500, 1)


@pytest.mark.parametrize("mode", ["unavailable", "busy", "slow", "lost"])
async def test_a_ticket_is_undone_and_refunded_whether_the_provider_answers_or_not(
    client: PurchaseClient,
    event: EventOnSale,
    sandbox: Sandbox,
    redis_state: RedisState,
    tickets: list[Json],
    mode: str,
) -> None:
    with sandbox.misbehaving(mode):
        answer = await client.cancel(tickets[0])

        assert (answer.status_code, answer.json()["status"]) == (200, "CANCELLED")
        assert await client.bought(event.seat("1", "a"))
    await until(lambda: is_refunded_later(redis_state, event, sandbox))
    assert refunded(sandbox) == (2_500, 1)


def is_refunded_later(redis_state: RedisState, event: EventOnSale, sandbox: Sandbox) -> bool:
    pass_time_of_event(redis_state, event, LATER_MS)
    return refunded(sandbox)[0] > 0
