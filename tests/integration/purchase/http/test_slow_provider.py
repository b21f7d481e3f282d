"""Every command is answered before the timeout of the gateway, however slow the provider is."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import httpx
import pytest
from infra_local.servers import INFRA
from purchase.providers.deadline import COMMAND_SECONDS
from purchase.store.connection import ANSWER_SECONDS

from tests.stage import sandboxes
from tests.stage.http_client import EventOnSale, Json, PurchaseClient, open_client, unique
from tests.stage.problems import assert_problem
from tests.stage.processes.purchase import Service
from tests.stage.sandboxes import Sandbox

pytestmark = pytest.mark.at_the_sandbox

GATEWAY_SECONDS = int(
    re.findall(r"response_header_timeout (\d+)s", (INFRA / "gateway" / "Caddyfile").read_text(encoding="utf-8"))[0]
)
SLOW_SECONDS = 8
"""Longer than the deadline of a command, shorter than that of the settlement."""

DEADLINE_SECONDS = 60


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox that can be slow."""
    with sandboxes.serving(SLOW_SECONDS=str(SLOW_SECONDS)) as running:
        yield running


@pytest.fixture
async def client(service: Service) -> AsyncIterator[PurchaseClient]:
    """A client with the timeout of the gateway."""
    async with open_client(service.url, timeout_seconds=GATEWAY_SECONDS) as client:
        yield client


async def insist(call: Callable[[], Awaitable[httpx.Response]], *, until: int) -> httpx.Response:
    """Repeat a call until it is answered with this status; each answer must come in time."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            answer = await call()
            if answer.status_code == until:
                return answer
            await asyncio.sleep(0.1)


def test_the_deadline_of_the_provider_leaves_time_for_redis() -> None:
    assert COMMAND_SECONDS + ANSWER_SECONDS < GATEWAY_SECONDS


async def test_every_command_is_answered_before_the_timeout_of_the_gateway(
    client: PurchaseClient, event: EventOnSale, sandbox: Sandbox
) -> None:
    held, *paid = [await client.held(event.hold(f"{row}a")) for row in (1, 2, 3)]
    for hold in paid:
        await client.pay(hold)
    [ticket] = (await client.confirmed(await client.held(event.hold("4a"))))["tickets"]
    with sandbox.misbehaving("slow"):
        begun, confirmed, released, undone = await asyncio.gather(
            client.pay(held), client.confirm(paid[0]), client.release(paid[1]), client.cancel(ticket)
        )

    assert_problem(begun, 504, "outcome-unknown")
    assert_problem(confirmed, 503, "payment-unavailable")
    assert_problem(released, 503, "payment-unavailable")
    assert (undone.status_code, undone.json()["status"]) == (200, "CANCELLED")


async def test_repeating_a_call_returns_the_late_outcome_of_a_slow_provider(
    client: PurchaseClient, event: EventOnSale
) -> None:
    hold: Json = await client.held(event.hold("1a"))
    key = unique("key")

    assert_problem(await client.pay(hold, "pm_sandbox_slow", key=key), 504, "outcome-unknown")
    begun = await insist(lambda: client.pay(hold, "pm_sandbox_slow", key=key), until=201)
    assert begun.json()["status"] == "AUTHORISED"

    unsure = await client.confirm(hold)
    assert (unsure.status_code, unsure.json()["status"]) == (202, "CONFIRMED")
    await insist(lambda: client.confirm(hold), until=201)
