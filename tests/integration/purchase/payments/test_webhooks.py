"""A notification is stored once and handled at last, whoever dies meanwhile; what is done about it the payment says."""

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
from tests.stage.payment_scenario import PARTITION, Stage
from tests.stage.redis_state import Ledger
from tests.stage.sandboxes import Sandbox
from tests.stage.sellers import prepare, selling

AUTHORISED = "payment_intent.amount_capturable_updated"
WEBHOOKS = keys.webhooks(PARTITION)
CONSUMER = "purchase"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox that tells nobody anything: the tests do."""
    with sandboxes.serving() as running:
        yield running


@pytest.fixture
def ledger(redis_url: str) -> Iterator[Ledger]:
    """What Redis keeps."""
    with Redis.from_url(redis_url) as redis:
        yield Ledger(redis)


@pytest.fixture
async def stage(redis_url: str, ledger: Ledger, sandbox: Sandbox) -> AsyncIterator[Stage]:
    await prepare(redis_url)
    async with selling(redis_url) as seller:
        await seller.put_on_sale("Gala")
    client = connect(redis_url)
    stage = Stage(client, ledger.redis, sandbox)
    yield stage
    sandbox.misbehave(None)
    await stage.leave()
    await client.aclose()


async def hold_seats(stage: Stage) -> Hold:
    hold = await stage.hold()
    assert hold is not None
    return hold


async def pay(stage: Stage, hold: Hold, method: str | None = "pm_card_visa") -> Recorded:
    return await stage.process().cashier.pay(hold.hold_id, method, None)


async def tell(stage: Stage, *bodies: bytes) -> None:
    """Let these be told, in this order."""
    for body in bodies:
        await stage.process().webhooks.receive(body, sign(body))


async def settle(stage: Stage) -> None:
    """Another process handles whatever waits and is not in the hands of one that died."""
    process = stage.process()
    while await process.webhooks.handle_webhooks():
        pass


def let_idle(ledger: Ledger, ms: int, *, deliveries: int | None = None) -> None:
    """Whatever was handed out was so this long ago, and so many times."""
    for pending in ledger.redis.xpending_range(WEBHOOKS, keys.SETTLEMENT, "-", "+", 1_000):
        ledger.redis.xclaim(
            WEBHOOKS,
            keys.SETTLEMENT,
            CONSUMER,
            0,
            [pending["message_id"]],
            idle=ms,
            retrycount=deliveries or pending["times_delivered"],
        )


def waiting(ledger: Ledger) -> int:
    length: int = ledger.redis.xlen(WEBHOOKS)
    assert ledger.redis.xpending(WEBHOOKS, keys.SETTLEMENT)["pending"] <= length
    return length


async def test_a_customer_who_has_paid_and_left_has_the_seats(stage: Stage, ledger: Ledger, sandbox: Sandbox) -> None:
    hold = await hold_seats(stage)
    begun = (await pay(stage, hold, method=None)).payment
    sandbox.pay(begun.payment_id, str(begun.client_secret), "pm_card_visa")

    await tell(stage, of_payment(AUTHORISED, begun.payment_id, hold.hold_id))
    await settle(stage)

    assert waiting(ledger) == 0
    assert sandbox.entry(begun.payment_id)["captured"] == 4_000
    stage.books().assert_agree()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 1), (2, 2, 2)], ids=str)
async def test_notifications_say_nothing_of_what_is_done(
    stage: Stage, sandbox: Sandbox, order: tuple[int, ...]
) -> None:
    hold = await hold_seats(stage)
    payment_id = (await pay(stage, hold)).payment.payment_id
    kinds = (AUTHORISED, "payment_intent.succeeded", "payment_intent.canceled")
    bodies = [of_payment(kinds[number], payment_id, hold.hold_id) for number in order]

    await tell(stage, *bodies)
    await asyncio.gather(settle(stage), settle(stage))

    entry = sandbox.entry(payment_id)
    assert (entry["captured"], entry["refunded"]) == (4_000, 0)
    stage.books().assert_agree()


async def test_a_notification_that_comes_again_is_stored_once(stage: Stage, ledger: Ledger) -> None:
    hold = await hold_seats(stage)
    body = of_payment(AUTHORISED, "pi_1", hold.hold_id)

    await asyncio.gather(*(tell(stage, body) for _ in range(10)))

    assert waiting(ledger) == 1


@pytest.mark.parametrize("method", ["pm_sandbox_automatic", "pm_sandbox_processing"])
async def test_money_that_came_although_the_hold_is_gone_is_given_back_once(
    stage: Stage, sandbox: Sandbox, method: str
) -> None:
    hold = await hold_seats(stage)
    payment_id = (await pay(stage, hold, method)).payment.payment_id
    if method == "pm_sandbox_processing":
        sandbox.decide(payment_id, "captured")
    await stage.process().payments.begin_ending(await found(stage, hold), "EXPIRED")
    stage.pass_time(HOLD_MS + PAYMENT_MS)
    bodies = [of_payment("payment_intent.succeeded", payment_id, hold.hold_id) for _ in range(5)]

    await tell(stage, *bodies)
    await asyncio.gather(*(settle(stage) for _ in range(3)))
    await stage.finish_all()

    entry = sandbox.entry(payment_id)
    assert (entry["captured"], entry["refunded"], entry["refunds"]) == (4_000, 4_000, 1)
    told = [message for message in stage.books().told if isinstance(message, PaymentRefunded)]
    assert [message.data.ticket_id for message in told] == [None]
    stage.books().assert_agree()


async def found(stage: Stage, hold: Hold) -> Hold:
    """The hold as it is now."""
    kept = await stage.process().holds.find(hold.hold_id)
    assert kept is not None
    return kept


async def test_what_a_dead_process_had_in_hand_is_handled_by_another(
    stage: Stage, ledger: Ledger, sandbox: Sandbox
) -> None:
    hold = await hold_seats(stage)
    payment_id = (await pay(stage, hold)).payment.payment_id
    await tell(stage, of_payment(AUTHORISED, payment_id, hold.hold_id))
    await die_in_hand(stage)
    await settle(stage)
    assert (waiting(ledger), sandbox.entry(payment_id)["captured"]) == (1, 0)

    let_idle(ledger, IDLE_MS[0])
    await settle(stage)

    assert (waiting(ledger), sandbox.entry(payment_id)["captured"]) == (0, 4_000)


async def die_in_hand(stage: Stage) -> None:
    """Something is handed out to a process that is killed before its first command about it."""
    process = stage.process(commands_max=0)
    await process.webhooks.handle_webhooks()


async def test_what_cannot_be_handled_is_tried_again_after_ever_longer_pauses(
    stage: Stage, ledger: Ledger, sandbox: Sandbox
) -> None:
    hold = await hold_seats(stage)
    payment_id = (await pay(stage, hold)).payment.payment_id
    await tell(stage, of_payment(AUTHORISED, payment_id, hold.hold_id))
    sandbox.misbehave("unavailable")
    for deliveries in range(1, 5):
        await settle(stage)
        [pending] = ledger.redis.xpending_range(WEBHOOKS, keys.SETTLEMENT, "-", "+", 10)
        assert pending["times_delivered"] == deliveries
        let_idle(ledger, IDLE_MS[0] * 2 ** (deliveries - 1) - 1_000)
        await settle(stage)
        assert ledger.redis.xpending_range(WEBHOOKS, keys.SETTLEMENT, "-", "+", 10)[0]["times_delivered"] == deliveries
        let_idle(ledger, IDLE_MS[0] * 2 ** (deliveries - 1))

    sandbox.misbehave(None)
    await settle(stage)

    assert (waiting(ledger), sandbox.entry(payment_id)["captured"]) == (0, 4_000)


async def test_what_fails_too_often_is_put_before_a_person(stage: Stage, ledger: Ledger, sandbox: Sandbox) -> None:
    hold = await hold_seats(stage)
    payment_id = (await pay(stage, hold)).payment.payment_id
    await tell(stage, of_payment(AUTHORISED, payment_id, hold.hold_id))
    sandbox.misbehave("unavailable")
    await settle(stage)
    let_idle(ledger, IDLE_MS[1], deliveries=DELIVERIES_MAX - 1)

    await settle(stage)

    assert waiting(ledger) == 0
    [opened] = await stage.process().cases.list_open()
    assert (opened.case.kind, opened.case.payment_id) == ("notification", payment_id)
    assert str(hold.hold_id) not in str(ledger.redis.xrange(keys.cases(PARTITION)))


async def test_what_cannot_be_read_is_put_before_a_person_and_stops_nobody(
    stage: Stage, ledger: Ledger, sandbox: Sandbox
) -> None:
    hold = await hold_seats(stage)
    payment_id = (await pay(stage, hold)).payment.payment_id
    for _ in range(200):
        ledger.redis.xadd(WEBHOOKS, {"notification": b"?"})
    await settle(stage)
    await tell(stage, of_payment(AUTHORISED, payment_id, hold.hold_id))

    await settle(stage)

    assert sandbox.entry(payment_id)["captured"] == 4_000
    let_idle(ledger, IDLE_MS[1], deliveries=DELIVERIES_MAX)
    await settle_every_page(stage)
    assert waiting(ledger) == 0
    assert len(await stage.process().cases.list_open()) == 200


async def settle_every_page(stage: Stage) -> None:
    """Idle deliveries are looked at a page at a time."""
    process = stage.process()
    for _ in range(2):
        while await process.webhooks.handle_webhooks():
            pass


async def test_idle_deliveries_that_must_wait_do_not_stand_before_those_that_need_not(
    stage: Stage, ledger: Ledger, sandbox: Sandbox
) -> None:
    for _ in range(150):
        ledger.redis.xadd(WEBHOOKS, {"notification": b"?"})
    await settle(stage)
    let_idle(ledger, IDLE_MS[0], deliveries=10)
    hold = await hold_seats(stage)
    payment_id = (await pay(stage, hold)).payment.payment_id
    await tell(stage, of_payment(AUTHORISED, payment_id, hold.hold_id))
    await die_in_hand(stage)
    let_last_idle(ledger, IDLE_MS[0])

    process = stage.process()
    handled = [await process.webhooks.handle_webhooks() for _ in range(2)]

    assert handled == [0, 1]
    assert sandbox.entry(payment_id)["captured"] == 4_000


def let_last_idle(ledger: Ledger, ms: int) -> None:
    [(last, _)] = ledger.redis.xrevrange(WEBHOOKS, count=1)
    ledger.redis.xclaim(WEBHOOKS, keys.SETTLEMENT, CONSUMER, 0, [last], idle=ms, retrycount=1)


async def test_a_refund_that_was_begun_at_the_provider_is_put_before_a_person(stage: Stage, sandbox: Sandbox) -> None:
    payment_id = await bought(stage)
    sandbox.refund(payment_id, 1_200)

    await tell(stage, event("refund.created", id="re_1", payment_intent=payment_id, metadata={}))
    await settle(stage)

    [opened] = await stage.process().cases.list_open()
    assert (opened.case.kind, opened.case.why, opened.case.payment_id) == (
        "refund",
        "refund.created",
        payment_id,
    )
    assert (opened.case.amount_cents, opened.case.currency) == (1_200, "USD")


async def test_a_dispute_is_put_before_a_person(stage: Stage, sandbox: Sandbox) -> None:
    payment_id = await bought(stage)
    sandbox.dispute(payment_id)

    await tell(stage, event("charge.dispute.created", id="du_1", payment_intent=payment_id, metadata={}))
    await settle(stage)

    [opened] = await stage.process().cases.list_open()
    assert (opened.case.kind, opened.case.payment_id, opened.case.amount_cents) == ("dispute", payment_id, 4_000)


async def test_what_another_sells_through_the_same_provider_is_nobody_s_matter_here(
    stage: Stage, sandbox: Sandbox
) -> None:
    form = {"amount": "900", "currency": "usd", "payment_method": "pm_card_visa", "confirm": "true"}
    foreign = sandbox.client.post("/v1/payment_intents", data=form).raise_for_status().json()["id"]

    await tell(stage, event("charge.dispute.created", id="du_1", payment_intent=foreign, metadata={}))
    await settle(stage)

    assert await stage.process().cases.list_open() == []


async def bought(stage: Stage) -> str:
    """The payment of a hold that became tickets."""
    hold = await hold_seats(stage)
    payment_id = (await pay(stage, hold)).payment.payment_id
    await stage.process().cashier.confirm(hold.hold_id)
    return payment_id


async def test_what_does_not_fit_is_refused(stage: Stage, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_ledger, "WAITING_MAX", 2)
    hold = await hold_seats(stage)
    for name in ("pi_1", "pi_2"):
        await tell(stage, of_payment(AUTHORISED, name, hold.hold_id))

    with pytest.raises(Overloaded):
        await tell(stage, of_payment(AUTHORISED, "pi_3", hold.hold_id))

    assert waiting(ledger) == 2
