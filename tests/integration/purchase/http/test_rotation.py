"""Admin tokens and receipt keys are rotated: for a while both the old and the new one are valid."""

from collections.abc import AsyncIterator, Iterator

import pytest
from infra_local.running import RunningServer

from tests.stage.http_client import PurchaseClient, open_client, unique, venue_body
from tests.stage.problems import assert_problem
from tests.stage.processes.purchase import Service, serving


@pytest.fixture(scope="module")
def rotating(service: Service) -> Iterator[RunningServer]:
    """A process with two admin tokens and two receipt keys; the second of each is the local one."""
    variables = {
        "PROFILE": "production",
        "ADMIN_TOKENS": "brand-new-token, local-admin-token",
        "RECEIPT_KEYS": "brand-new-key,local-receipt-key",
    }
    with serving(service.redis_url, **variables) as running:
        yield running


@pytest.fixture
async def rotating_window(rotating: RunningServer) -> AsyncIterator[PurchaseClient]:
    async with open_client(rotating.url) as client:
        yield client


async def test_both_admin_tokens_are_valid_during_rotation(rotating_window: PurchaseClient) -> None:
    for token in ("brand-new-token", "local-admin-token"):
        answer = await rotating_window.http.put(
            f"/api/v1/venues/{unique('venue')}", json=venue_body(), headers={"Authorization": f"Bearer {token}"}
        )
        assert answer.status_code == 201


async def test_a_receipt_of_the_old_key_is_valid_during_rotation(
    client: PurchaseClient, rotating_window: PurchaseClient
) -> None:
    event = await client.put_on_sale()
    old, new = await client.bought(event.seat("1")), await rotating_window.bought(event.seat("2"))

    assert (await rotating_window.cancel(old)).status_code == 200
    assert (await rotating_window.cancel(new)).status_code == 200


async def test_a_receipt_of_an_unknown_key_is_not_valid(
    client: PurchaseClient, rotating_window: PurchaseClient
) -> None:
    event = await client.put_on_sale()
    ticket = await rotating_window.bought(event.seat())

    assert_problem(await client.cancel(ticket), 403, "forbidden")
