"""The provider's notifications over HTTP: taken once they are on disk, whoever did not sign them is refused."""

from collections.abc import Iterator

import httpx
import pytest
from infra_local.ports import free_port
from purchase.store import keys

from tests.stage import sandboxes
from tests.stage.arrivals import until
from tests.stage.builders import PARTITIONS
from tests.stage.http_client import Json, PurchaseClient
from tests.stage.notifications import event, of_payment, sign
from tests.stage.problems import assert_problem
from tests.stage.processes.purchase import Service, serving_alone
from tests.stage.redis_state import RedisState
from tests.stage.sandboxes import WEBHOOK_SECRET, Sandbox

PATH = "/api/v1/payments/webhook"
OLD_SECRET = "the-secret-before"
REFUND: Json = {"id": "re_1", "payment_intent": "pi_1", "metadata": {}}


@pytest.fixture(scope="module")
def port() -> int:
    """Where the purchase process will listen."""
    return free_port("purchase")


@pytest.fixture(scope="module")
def sandbox(port: int) -> Iterator[Sandbox]:
    """A sandbox that tells the purchase process."""
    with sandboxes.serving(WEBHOOK_URL=f"http://127.0.0.1:{port}{PATH}") as running:
        yield running


@pytest.fixture(scope="module")
def service(redis_server: str, sandbox: Sandbox, port: int) -> Iterator[Service]:
    """A purchase process whose secret is being rotated."""
    secrets = f"{WEBHOOK_SECRET},{OLD_SECRET}"
    told = {"HTTP_PORT": str(port), "SANDBOX_URL": sandbox.url, "WEBHOOK_SECRETS": secrets}
    with serving_alone(redis_server, **told) as service:
        yield service


async def tell(client: PurchaseClient, body: bytes, signature: str | None) -> httpx.Response:
    headers = {"Content-Type": "application/json"} | ({"Stripe-Signature": signature} if signature is not None else {})
    return await client.http.post(PATH, content=body, headers=headers)


async def counted(client: PurchaseClient) -> dict[str, float]:
    """How many notifications were taken, by what they are and what became of them."""
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
    """Whether a notification about this payment is stored and not handled yet."""
    streams = [redis_state.redis.xrange(keys.webhooks(partition)) for partition in range(PARTITIONS)]
    return payment_id in str(streams)


async def test_a_notification_is_answered_with_nothing(client: PurchaseClient) -> None:
    body = event("refund.created", **REFUND)

    answer = await tell(client, body, sign(body, WEBHOOK_SECRET))

    assert (answer.status_code, answer.content) == (204, b"")
    assert "consistency-token" not in answer.headers


async def test_each_of_two_secrets_will_do_while_they_are_rotated(client: PurchaseClient) -> None:
    body = event("refund.created", **REFUND)

    answers = [await tell(client, body, sign(body, secret)) for secret in (OLD_SECRET, WEBHOOK_SECRET)]

    assert [answer.status_code for answer in answers] == [204, 204]


async def test_a_notification_that_comes_again_is_stored_once(client: PurchaseClient) -> None:
    before = await counted(client)
    body = event("refund.created", **REFUND)

    answers = [await tell(client, body, sign(body, WEBHOOK_SECRET)) for _ in range(3)]

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
async def test_what_needs_nothing_is_acknowledged_and_counted(
    client: PurchaseClient, redis_state: RedisState, body: bytes
) -> None:
    before, stored = await counted(client), dedupe_keys(redis_state)

    answer = await tell(client, body, sign(body, WEBHOOK_SECRET))

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
async def test_what_the_provider_did_not_sign_lately_is_refused(
    client: PurchaseClient, redis_state: RedisState, signature: str | None
) -> None:
    stored = dedupe_keys(redis_state)

    answer = await tell(client, BODY, signature)

    assert_problem(answer, 400, "invalid-request", field="Stripe-Signature")
    assert dedupe_keys(redis_state) == stored


async def test_a_body_that_is_too_large_is_refused(client: PurchaseClient) -> None:
    body = event("refund.created", **REFUND, padding="x" * 64 * 1024)

    assert_problem(await tell(client, body, sign(body, WEBHOOK_SECRET)), 413, "too-large")


async def test_a_partition_that_has_lost_its_notifications_takes_none(
    client: PurchaseClient, redis_state: RedisState
) -> None:
    """Only `install` makes what they are read through: without it they would never be handled."""
    body = event("refund.created", event_id="evt_lost", **REFUND)
    webhooks = keys.webhooks(keys.partition_of("evt_lost", PARTITIONS))
    kept = redis_state.redis.dump(webhooks)
    redis_state.redis.delete(webhooks)

    answer = await tell(client, body, sign(body, WEBHOOK_SECRET))

    redis_state.redis.restore(webhooks, 0, kept)
    assert_problem(answer, 503, "recovering")
    assert (await tell(client, body, sign(body, WEBHOOK_SECRET))).status_code == 204


async def test_a_customer_who_pays_and_leaves_has_the_seats(
    client: PurchaseClient, hold: Json, sandbox: Sandbox
) -> None:
    begun = (await client.pay(hold, method=None)).json()

    sandbox.pay(begun["paymentId"], begun["clientSecret"], "pm_card_visa")

    await until(lambda: sandbox.entry(begun["paymentId"])["captured"] == 5_000)
    assert (await client.confirm(hold)).status_code == 201


@pytest.mark.parametrize("method", ["pm_sandbox_webhooks_twice", "pm_sandbox_webhooks_reversed"])
async def test_notifications_that_come_twice_or_in_another_order_change_nothing(
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
