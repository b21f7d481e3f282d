"""A notification is stored once and handled despite crashes; its payment decides how."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from contracts.payment import PaymentRefunded
from purchase.holds.hold import Hold
from purchase.payments import webhook_ledger
from purchase.payments.ledger import Recorded
from purchase.payments.webhook_ledger import IDLE_MS
from purchase.payments.webhooks import DELIVERIES_MAX
from purchase.store import keys
from purchase.store.connection import Overloaded, connect
from redis import Redis

from tests.stage import sandboxes
from tests.stage.builders import HOLD_MS, PAYMENT_MS
from tests.stage.notifications import event, of_payment, sign
from tests.stage.payment_scenario import PARTITION, PaymentScenario
from tests.stage.redis_state import RedisState
from tests.stage.sandboxes import Sandbox
from tests.stage.sellers import prepare, selling

AUTHORISED = "payment_intent.amount_capturable_updated"
WEBHOOKS = keys.webhooks(PARTITION)
CONSUMER = "purchase"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox that sends no webhooks: the tests send them."""
    with sandboxes.serving() as running:
        yield running


@pytest.fixture
def redis_state(redis_url: str) -> Iterator[RedisState]:
    """The state of Redis."""
    with Redis.from_url(redis_url) as redis:
        yield RedisState(redis)


@pytest.fixture
async def scenario(redis_url: str, redis_state: RedisState, sandbox: Sandbox) -> AsyncIterator[PaymentScenario]:
    await prepare(redis_url)
    async with selling(redis_url) as seller:
        await seller.put_on_sale("Gala")
    client = connect(redis_url)
    scenario = PaymentScenario(client, redis_state.redis, sandbox)
    yield scenario
    sandbox.misbehave(None)
    await scenario.close()
    await client.aclose()


async def hold_seats(scenario: PaymentScenario) -> Hold:
    hold = await scenario.hold()
    assert hold is not None
    return hold


async def pay(scenario: PaymentScenario, hold: Hold, method: str | None = "pm_card_visa") -> Recorded:
    return await scenario.process().cashier.pay(hold.hold_id, method, None)


async def send(scenario: PaymentScenario, *bodies: bytes) -> None:
    """Receive these notifications, in this order."""
    for body in bodies:
        await scenario.process().webhooks.receive(body, sign(body))


async def handle(scenario: PaymentScenario) -> None:
    """Let another process handle every notification that no dead process has claimed."""
    process = scenario.process()
    while await process.webhooks.handle_webhooks():
        pass


def let_idle(redis_state: RedisState, ms: int, *, deliveries: int | None = None) -> None:
    """Set how long ago each claimed notification was delivered, and how often."""
    for pending in redis_state.redis.xpending_range(WEBHOOKS, keys.SETTLEMENT, "-", "+", 1_000):
        redis_state.redis.xclaim(
            WEBHOOKS,
            keys.SETTLEMENT,
            CONSUMER,
            0,
            [pending["message_id"]],
            idle=ms,
            retrycount=deliveries or pending["times_delivered"],
        )


def waiting(redis_state: RedisState) -> int:
    length: int = redis_state.redis.xlen(WEBHOOKS)
    assert redis_state.redis.xpending(WEBHOOKS, keys.SETTLEMENT)["pending"] <= length
    return length


async def test_a_customer_who_has_paid_and_left_has_the_seats(
    scenario: PaymentScenario, redis_state: RedisState, sandbox: Sandbox
) -> None:
    hold = await hold_seats(scenario)
    begun = (await pay(scenario, hold, method=None)).payment
    sandbox.pay(begun.payment_id, str(begun.client_secret), "pm_card_visa")

    await send(scenario, of_payment(AUTHORISED, begun.payment_id, hold.hold_id))
    await handle(scenario)

    assert waiting(redis_state) == 0
    assert sandbox.entry(begun.payment_id)["captured"] == 4_000
    scenario.invariants().assert_hold()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 1), (2, 2, 2)], ids=str)
async def test_the_payment_decides_and_not_the_notification(
    scenario: PaymentScenario, sandbox: Sandbox, order: tuple[int, ...]
) -> None:
    hold = await hold_seats(scenario)
    payment_id = (await pay(scenario, hold)).payment.payment_id
    kinds = (AUTHORISED, "payment_intent.succeeded", "payment_intent.canceled")
    bodies = [of_payment(kinds[number], payment_id, hold.hold_id) for number in order]

    await send(scenario, *bodies)
    await asyncio.gather(handle(scenario), handle(scenario))

    entry = sandbox.entry(payment_id)
    assert (entry["captured"], entry["refunded"]) == (4_000, 0)
    scenario.invariants().assert_hold()


async def test_a_duplicate_notification_is_stored_once(scenario: PaymentScenario, redis_state: RedisState) -> None:
    hold = await hold_seats(scenario)
    body = of_payment(AUTHORISED, "pi_1", hold.hold_id)

    await asyncio.gather(*(send(scenario, body) for _ in range(10)))

    assert waiting(redis_state) == 1


@pytest.mark.parametrize("method", ["pm_sandbox_automatic", "pm_sandbox_processing"])
async def test_late_money_is_refunded_once(scenario: PaymentScenario, sandbox: Sandbox, method: str) -> None:
    hold = await hold_seats(scenario)
    payment_id = (await pay(scenario, hold, method)).payment.payment_id
    if method == "pm_sandbox_processing":
        sandbox.decide(payment_id, "captured")
    await scenario.process().payments.begin_ending(await reread(scenario, hold), "EXPIRED")
    scenario.pass_time(HOLD_MS + PAYMENT_MS)
    bodies = [of_payment("payment_intent.succeeded", payment_id, hold.hold_id) for _ in range(5)]

    await send(scenario, *bodies)
    await asyncio.gather(*(handle(scenario) for _ in range(3)))
    await scenario.finish_all()

    entry = sandbox.entry(payment_id)
    assert (entry["captured"], entry["refunded"], entry["refunds"]) == (4_000, 4_000, 1)
    refunds = [message for message in scenario.invariants().messages if isinstance(message, PaymentRefunded)]
    assert [message.data.ticket_id for message in refunds] == [None]
    scenario.invariants().assert_hold()


async def reread(scenario: PaymentScenario, hold: Hold) -> Hold:
    """Return the hold as it is now."""
    stored = await scenario.process().holds.find(hold.hold_id)
    assert stored is not None
    return stored


async def test_the_claims_of_a_dead_process_are_handled_by_another(
    scenario: PaymentScenario, redis_state: RedisState, sandbox: Sandbox
) -> None:
    hold = await hold_seats(scenario)
    payment_id = (await pay(scenario, hold)).payment.payment_id
    await send(scenario, of_payment(AUTHORISED, payment_id, hold.hold_id))
    await die_after_claim(scenario)
    await handle(scenario)
    assert (waiting(redis_state), sandbox.entry(payment_id)["captured"]) == (1, 0)

    let_idle(redis_state, IDLE_MS[0])
    await handle(scenario)

    assert (waiting(redis_state), sandbox.entry(payment_id)["captured"]) == (0, 4_000)


async def die_after_claim(scenario: PaymentScenario) -> None:
    """Claim notifications with a process that is killed before its next command."""
    process = scenario.process(commands_max=0)
    await process.webhooks.handle_webhooks()


async def test_a_notification_that_fails_is_redelivered_after_growing_pauses(
    scenario: PaymentScenario, redis_state: RedisState, sandbox: Sandbox
) -> None:
    hold = await hold_seats(scenario)
    payment_id = (await pay(scenario, hold)).payment.payment_id
    await send(scenario, of_payment(AUTHORISED, payment_id, hold.hold_id))
    sandbox.misbehave("unavailable")
    for deliveries in range(1, 5):
        await handle(scenario)
        [pending] = redis_state.redis.xpending_range(WEBHOOKS, keys.SETTLEMENT, "-", "+", 10)
        assert pending["times_delivered"] == deliveries
        let_idle(redis_state, IDLE_MS[0] * 2 ** (deliveries - 1) - 1_000)
        await handle(scenario)
        assert (
            redis_state.redis.xpending_range(WEBHOOKS, keys.SETTLEMENT, "-", "+", 10)[0]["times_delivered"]
            == deliveries
        )
        let_idle(redis_state, IDLE_MS[0] * 2 ** (deliveries - 1))

    sandbox.misbehave(None)
    await handle(scenario)

    assert (waiting(redis_state), sandbox.entry(payment_id)["captured"]) == (0, 4_000)


async def test_a_notification_that_fails_too_often_opens_a_case(
    scenario: PaymentScenario, redis_state: RedisState, sandbox: Sandbox
) -> None:
    hold = await hold_seats(scenario)
    payment_id = (await pay(scenario, hold)).payment.payment_id
    await send(scenario, of_payment(AUTHORISED, payment_id, hold.hold_id))
    sandbox.misbehave("unavailable")
    await handle(scenario)
    let_idle(redis_state, IDLE_MS[1], deliveries=DELIVERIES_MAX - 1)

    await handle(scenario)

    assert waiting(redis_state) == 0
    [opened] = await scenario.process().cases.list_open()
    assert (opened.case.kind, opened.case.payment_id) == ("notification", payment_id)
    assert str(hold.hold_id) not in str(redis_state.redis.xrange(keys.cases(PARTITION)))


async def test_a_notification_that_cannot_be_decoded_opens_a_case_and_stops_no_other(
    scenario: PaymentScenario, redis_state: RedisState, sandbox: Sandbox
) -> None:
    hold = await hold_seats(scenario)
    payment_id = (await pay(scenario, hold)).payment.payment_id
    for _ in range(200):
        redis_state.redis.xadd(WEBHOOKS, {"notification": b"?"})
    await handle(scenario)
    await send(scenario, of_payment(AUTHORISED, payment_id, hold.hold_id))

    await handle(scenario)

    assert sandbox.entry(payment_id)["captured"] == 4_000
    let_idle(redis_state, IDLE_MS[1], deliveries=DELIVERIES_MAX)
    await handle_every_page(scenario)
    assert waiting(redis_state) == 0
    assert len(await scenario.process().cases.list_open()) == 200


async def handle_every_page(scenario: PaymentScenario) -> None:
    """Handle idle deliveries, which are scanned one page at a time."""
    process = scenario.process()
    for _ in range(2):
        while await process.webhooks.handle_webhooks():
            pass


async def test_deliveries_that_must_wait_do_not_block_those_behind_them(
    scenario: PaymentScenario, redis_state: RedisState, sandbox: Sandbox
) -> None:
    for _ in range(150):
        redis_state.redis.xadd(WEBHOOKS, {"notification": b"?"})
    await handle(scenario)
    let_idle(redis_state, IDLE_MS[0], deliveries=10)
    hold = await hold_seats(scenario)
    payment_id = (await pay(scenario, hold)).payment.payment_id
    await send(scenario, of_payment(AUTHORISED, payment_id, hold.hold_id))
    await die_after_claim(scenario)
    let_last_idle(redis_state, IDLE_MS[0])

    process = scenario.process()
    handled = [await process.webhooks.handle_webhooks() for _ in range(2)]

    assert handled == [0, 1]
    assert sandbox.entry(payment_id)["captured"] == 4_000


def let_last_idle(redis_state: RedisState, ms: int) -> None:
    [(last, _)] = redis_state.redis.xrevrange(WEBHOOKS, count=1)
    redis_state.redis.xclaim(WEBHOOKS, keys.SETTLEMENT, CONSUMER, 0, [last], idle=ms, retrycount=1)


async def test_a_refund_that_was_begun_at_the_provider_opens_a_case(
    scenario: PaymentScenario, sandbox: Sandbox
) -> None:
    payment_id = await bought(scenario)
    sandbox.refund(payment_id, 1_200)

    await send(scenario, event("refund.created", id="re_1", payment_intent=payment_id, metadata={}))
    await handle(scenario)

    [opened] = await scenario.process().cases.list_open()
    assert (opened.case.kind, opened.case.why, opened.case.payment_id) == (
        "refund",
        "refund.created",
        payment_id,
    )
    assert (opened.case.amount_cents, opened.case.currency) == (1_200, "USD")


async def test_a_dispute_opens_a_case(scenario: PaymentScenario, sandbox: Sandbox) -> None:
    payment_id = await bought(scenario)
    sandbox.dispute(payment_id)

    await send(scenario, event("charge.dispute.created", id="du_1", payment_intent=payment_id, metadata={}))
    await handle(scenario)

    [opened] = await scenario.process().cases.list_open()
    assert (opened.case.kind, opened.case.payment_id, opened.case.amount_cents) == ("dispute", payment_id, 4_000)


async def test_the_payments_of_another_shop_open_no_case(scenario: PaymentScenario, sandbox: Sandbox) -> None:
    form = {"amount": "900", "currency": "usd", "payment_method": "pm_card_visa", "confirm": "true"}
    foreign = sandbox.client.post("/v1/payment_intents", data=form).raise_for_status().json()["id"]

    await send(scenario, event("charge.dispute.created", id="du_1", payment_intent=foreign, metadata={}))
    await handle(scenario)

    assert await scenario.process().cases.list_open() == []


async def bought(scenario: PaymentScenario) -> str:
    """Buy tickets; return the id of their payment."""
    hold = await hold_seats(scenario)
    payment_id = (await pay(scenario, hold)).payment.payment_id
    await scenario.process().cashier.confirm(hold.hold_id)
    return payment_id


async def test_notifications_beyond_the_bound_are_refused(
    scenario: PaymentScenario, redis_state: RedisState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_ledger, "WAITING_MAX", 2)
    hold = await hold_seats(scenario)
    for name in ("pi_1", "pi_2"):
        await send(scenario, of_payment(AUTHORISED, name, hold.hold_id))

    with pytest.raises(Overloaded):
        await send(scenario, of_payment(AUTHORISED, "pi_3", hold.hold_id))

    assert waiting(redis_state) == 2
