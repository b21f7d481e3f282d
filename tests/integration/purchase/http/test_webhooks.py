"""Webhooks over HTTP: acknowledged once they are on disk, and refused without a valid signature."""

from collections.abc import Iterator

import httpx
import pytest
from infra_local.ports import free_port
from purchase.store import keys

from tests.stage import sandboxes
from tests.stage.builders import PARTITIONS
from tests.stage.http_client import Json, PurchaseClient
from tests.stage.notifications import event, of_payment, sign
from tests.stage.polling import until
from tests.stage.problems import assert_problem
from tests.stage.processes.purchase import Service, serving_alone
from tests.stage.redis_state import RedisState
from tests.stage.sandboxes import WEBHOOK_SECRET, Sandbox

PATH = "/api/v1/payments/webhook"
OLD_SECRET = "the-secret-before"
REFUND: Json = {"id": "re_1", "payment_intent": "pi_1", "metadata": {}}


@pytest.fixture(scope="module")
def port() -> int:
    """The port on which the purchase process will listen."""
    return free_port("purchase")


@pytest.fixture(scope="module")
def sandbox(port: int) -> Iterator[Sandbox]:
    """A sandbox that sends its webhooks to the purchase process."""
    with sandboxes.serving(WEBHOOK_URL=f"http://127.0.0.1:{port}{PATH}") as running:
        yield running


@pytest.fixture(scope="module")
def service(redis_server: str, sandbox: Sandbox, port: int) -> Iterator[Service]:
    """A purchase process whose secret is being rotated."""
    secrets = f"{WEBHOOK_SECRET},{OLD_SECRET}"
    settings = {"HTTP_PORT": str(port), "SANDBOX_URL": sandbox.url, "WEBHOOK_SECRETS": secrets}
    with serving_alone(redis_server, **settings) as service:
        yield service


async def send(client: PurchaseClient, body: bytes, signature: str | None) -> httpx.Response:
    headers = {"Content-Type": "application/json"} | ({"Stripe-Signature": signature} if signature is not None else {})
    return await client.http.post(PATH, content=body, headers=headers)


async def counted(client: PurchaseClient) -> dict[str, float]:
    """Return how many notifications were received, by kind and outcome."""
    lines = (line.rpartition(" ") for line in (await client.http.get("/metrics")).text.splitlines())
    prefix = "webhooks_total"
    return {name.removeprefix(prefix): float(value) for name, _, value in lines if name.startswith(prefix)}


def change(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    return {name: value - before.get(name, 0) for name, value in after.items() if value != before.get(name, 0)}


def dedupe_keys(redis_state: RedisState) -> set[bytes]:
    return {
        name for partition in range(PARTITIONS) for name in redis_state.redis.scan_iter(keys.webhook(partition, "*"))
    }


def is_waiting(redis_state: RedisState, payment_id: str) -> bool:
    """Return whether a notification about this payment is stored and not handled yet."""
    streams = [redis_state.redis.xrange(keys.webhooks(partition)) for partition in range(PARTITIONS)]
    return payment_id in str(streams)


async def test_a_notification_is_answered_without_a_body(client: PurchaseClient) -> None:
    body = event("refund.created", **REFUND)

    answer = await send(client, body, sign(body, WEBHOOK_SECRET))

    assert (answer.status_code, answer.content) == (204, b"")
    assert "consistency-token" not in answer.headers


async def test_both_secrets_are_accepted_during_a_rotation(client: PurchaseClient) -> None:
    body = event("refund.created", **REFUND)

    answers = [await send(client, body, sign(body, secret)) for secret in (OLD_SECRET, WEBHOOK_SECRET)]

    assert [answer.status_code for answer in answers] == [204, 204]


async def test_a_duplicate_notification_is_stored_once(client: PurchaseClient) -> None:
    before = await counted(client)
    body = event("refund.created", **REFUND)

    answers = [await send(client, body, sign(body, WEBHOOK_SECRET)) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [204] * 3
    assert change(before, await counted(client)) == {
        '{kind="refund",outcome="stored"}': 1,
        '{kind="refund",outcome="repeated"}': 2,
    }


@pytest.mark.parametrize(
    "body",
    [
        event("balance.available", object="balance"),
        event("charge.succeeded", id="ch_1", payment_intent="pi_1"),
        event("payment_intent.created", id="pi_1", metadata={"hold": "01a20567-f5bc-7000-a36b-1f4945c788a8"}),
        event("payment_intent.succeeded", id="pi_1", metadata={"order": "of another shop"}),
        of_payment("payment_intent.succeeded", "pi_1", "01a20567-f5bc-7fff-a36b-1f4945c788a8"),
        of_payment("payment_intent.succeeded", "pi_1", "f8a6bd12-91ef-4d07-a1a4-8dd1e0b6cc26"),
        event("refund.created", id="re_1", payment_intent="pi_1", metadata={"key": "of a refund of ours"}),
    ],
    ids=[
        "of no payment",
        "of another kind",
        "no news",
        "somebody else's",
        "for a hold of no partition",
        "for a hold of another's",
        "our own",
    ],
)
async def test_a_notification_that_needs_no_handling_is_acknowledged_and_counted(
    client: PurchaseClient, redis_state: RedisState, body: bytes
) -> None:
    before, stored = await counted(client), dedupe_keys(redis_state)

    answer = await send(client, body, sign(body, WEBHOOK_SECRET))

    assert answer.status_code == 204
    assert dedupe_keys(redis_state) == stored
    [(name, more)] = change(before, await counted(client)).items()
    assert ("ignored" in name, more) == (True, 1)


BODY = event("refund.created", **REFUND)


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "nothing",
        sign(BODY, "another-secret"),
        sign(BODY, WEBHOOK_SECRET, age_seconds=301),
        sign(BODY + b" ", WEBHOOK_SECRET),
    ],
    ids=["none", "empty", "malformed", "of another secret", "too old", "of another body"],
)
async def test_a_notification_without_a_recent_signature_is_refused(
    client: PurchaseClient, redis_state: RedisState, signature: str | None
) -> None:
    stored = dedupe_keys(redis_state)

    answer = await send(client, BODY, signature)

    assert_problem(answer, 400, "invalid-request", field="Stripe-Signature")
    assert dedupe_keys(redis_state) == stored


async def test_a_body_that_is_too_large_is_refused(client: PurchaseClient) -> None:
    body = event("refund.created", **REFUND, padding="x" * 64 * 1024)

    assert_problem(await send(client, body, sign(body, WEBHOOK_SECRET)), 413, "too-large")


async def test_a_partition_without_its_stream_accepts_no_notification(
    client: PurchaseClient, redis_state: RedisState
) -> None:
    """Only `install` creates their consumer group: without it they would never be handled."""
    body = event("refund.created", event_id="evt_lost", **REFUND)
    webhooks = keys.webhooks(keys.partition_of("evt_lost", PARTITIONS))
    dumped = redis_state.redis.dump(webhooks)
    redis_state.redis.delete(webhooks)

    answer = await send(client, body, sign(body, WEBHOOK_SECRET))

    redis_state.redis.restore(webhooks, 0, dumped)
    assert_problem(answer, 503, "recovering")
    assert (await send(client, body, sign(body, WEBHOOK_SECRET))).status_code == 204


async def test_a_customer_who_pays_and_leaves_has_the_seats(
    client: PurchaseClient, hold: Json, sandbox: Sandbox
) -> None:
    begun = (await client.pay(hold, method=None)).json()

    sandbox.pay(begun["paymentId"], begun["clientSecret"], "pm_card_visa")

    await until(lambda: sandbox.entry(begun["paymentId"])["captured"] == 5_000)
    assert (await client.confirm(hold)).status_code == 201


@pytest.mark.parametrize("method", ["pm_sandbox_webhooks_twice", "pm_sandbox_webhooks_reversed"])
async def test_duplicate_and_reordered_notifications_change_nothing(
    client: PurchaseClient, hold: Json, sandbox: Sandbox, redis_state: RedisState, method: str
) -> None:
    begun = await client.pay(hold, method)
    confirmed = await client.confirm(hold)
    assert confirmed.status_code == 201, confirmed.text

    payment_id = begun.json()["paymentId"]
    await until(lambda: sandbox.books()["webhooks_waiting"] == 0)
    await until(lambda: not is_waiting(redis_state, payment_id))
    entry = sandbox.entry(payment_id)
    assert (entry["captured"], entry["refunded"], entry["status"]) == (5_000, 0, "succeeded")
    assert (await client.confirm(hold)).content == confirmed.content
