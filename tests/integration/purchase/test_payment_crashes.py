"""A process that is killed at any step of a payment leaves a hold that another one finishes, from Redis alone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from itertools import count

import pytest
from purchase import keys
from purchase.hold_ledger import Made
from purchase.holds import Hold
from purchase.outbox import OutcomeUnknown, Unavailable, connect
from purchase.payments import PaymentFailure
from purchase.payments.intents import Intents
from purchase.payments.sandbox import SandboxApi
from purchase.payments.signatures import Signatures
from purchase.refusals import Refusal
from redis import Redis
from redis.asyncio import Redis as Client

from tests import isolation, sandboxes
from tests.integration.purchase.books import Books
from tests.integration.purchase.builders import HOLD_MS, PARTITIONS, held_seat, new_hold
from tests.integration.purchase.cashiers import PAYMENT_MS, CashierProcess
from tests.integration.purchase.ledger import Ledger
from tests.integration.purchase.passing_time import pass_time
from tests.integration.purchase.sellers import prepare, selling
from tests.integration.purchase.turnstile import Killed
from tests.sandboxes import API_KEY, Sandbox

PARTITION = keys.partition_of("Gala", PARTITIONS)
LOOKS_MAX = 30
EXPECTED = (Refusal, PaymentFailure, Unavailable, OutcomeUnknown)
"""How a customer's call may end beside well."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with sandboxes.serving() as running:
        yield running


@pytest.fixture(scope="module")
def redis_url(redis_server: str) -> Iterator[str]:
    """A Redis that is this file's."""
    with isolation.empty_redis(redis_server) as url:
        yield url


@pytest.fixture(scope="module")
def ledger(redis_url: str) -> Iterator[Ledger]:
    with Redis.from_url(redis_url) as redis:
        yield Ledger(redis)


@pytest.fixture(scope="module")
def begin(redis_url: str, ledger: Ledger) -> Callable[[], None]:
    """Makes Redis hold an event that is on sale, and nothing else."""

    async def put_on_sale() -> None:
        await prepare(redis_url)
        async with selling(redis_url) as seller:
            await seller.put_on_sale("Gala")

    asyncio.run(put_on_sale())
    everything = ledger.everything()
    return lambda: ledger.restore(everything)


class Stage:
    """One event, one sandbox, and processes that come and go."""

    def __init__(self, client: Client, ledger: Ledger, sandbox: Sandbox) -> None:
        self.ledger = ledger
        self.sandbox = sandbox
        self._client = client
        self._provider = Intents("sandbox", SandboxApi(sandbox.url, API_KEY), Signatures(["a-secret-of-tests"]))

    def process(self, *, commands_max: int | None = None) -> CashierProcess:
        return CashierProcess(self._client, self._provider, commands_max=commands_max)

    async def hold(self) -> Hold:
        """Two seats, of which the customer is known."""
        seats = (held_seat(column=1), held_seat(column=2, price_cents=1_500))
        made = await self.process().holds.hold(new_hold(*seats, customer_id="ada"))
        assert isinstance(made, Made)
        return made.hold

    def pass_time(self, ms: int) -> None:
        pass_time(self.ledger.redis, PARTITION, ms=ms)

    async def settle(self, hold: Hold) -> None:
        """Another process settles whatever is due, while anything is; a bank that has not decided yet declines."""
        process = self.process()
        for _ in range(LOOKS_MAX):
            if not self.ledger.redis.exists(keys.due(PARTITION)):
                return
            self.bank_decides(hold, "declined")
            self.pass_time(HOLD_MS)
            await process.settlement.settle_due()
        raise AssertionError("something is due for ever")

    def bank_decides(self, hold: Hold, outcome: str) -> None:
        """What becomes of the payments for this hold that are being processed."""
        for payment_id in self._payments_of(hold, "processing"):
            self.sandbox.decide(payment_id, outcome)

    def customer_authenticates(self, hold: Hold) -> None:
        """The customer passes the check of their bank, where a payment for this hold asks for it."""
        for payment_id in self._payments_of(hold, "requires_action"):
            self.sandbox.authenticate(payment_id, "succeeded")

    def _payments_of(self, hold: Hold, status: str) -> list[str]:
        entries = [entry for entry in self.sandbox.books()["payment_intents"] if entry["status"] == status]
        return [entry["id"] for entry in entries if entry["metadata"]["hold"] == str(hold.hold_id)]

    def books(self) -> Books:
        return Books(self.ledger.redis, PARTITION, self.sandbox)

    async def leave(self) -> None:
        await self._provider.aclose()


@pytest.fixture
async def stage(begin: Callable[[], None], redis_url: str, ledger: Ledger, sandbox: Sandbox) -> AsyncIterator[Stage]:
    begin()
    client = connect(redis_url)
    stage = Stage(client, ledger, sandbox)
    yield stage
    await stage.leave()
    await client.aclose()


Story = Callable[[Stage, CashierProcess, Hold], Awaitable[None]]
"""What a customer does; calls may be refused."""


async def pays(process: CashierProcess, hold: Hold, method: str | None) -> None:
    with suppress(*EXPECTED):
        await process.cashier.pay(hold.hold_id, method, None)


async def confirms(process: CashierProcess, hold: Hold) -> None:
    with suppress(*EXPECTED):
        await process.cashier.confirm(hold.hold_id)


async def releases(process: CashierProcess, hold: Hold) -> None:
    with suppress(*EXPECTED):
        await process.cashier.release(hold.hold_id)


def paying(*methods: str | None) -> Story:
    """Pays by each of these, and confirms."""

    async def story(_: Stage, process: CashierProcess, hold: Hold) -> None:
        for method in methods:
            await pays(process, hold, method)
        await confirms(process, hold)

    return story


def paying_and_leaving(method: str | None) -> Story:
    async def story(_: Stage, process: CashierProcess, hold: Hold) -> None:
        await pays(process, hold, method)

    return story


def paying_and_releasing(method: str | None) -> Story:
    async def story(_: Stage, process: CashierProcess, hold: Hold) -> None:
        await pays(process, hold, method)
        await releases(process, hold)

    return story


def decided_late(outcome: str) -> Story:
    """The time to pay is over before the bank has decided."""

    async def story(stage: Stage, process: CashierProcess, hold: Hold) -> None:
        await pays(process, hold, "pm_sandbox_processing")
        stage.pass_time(PAYMENT_MS)
        with suppress(*EXPECTED):
            await process.cashier.settle(hold.hold_id)
        stage.bank_decides(hold, outcome)
        with suppress(*EXPECTED):
            await process.cashier.settle(hold.hold_id)

    return story


async def bank_decides(stage: Stage, process: CashierProcess, hold: Hold) -> None:
    """The bank decides while the customer waits."""
    await pays(process, hold, "pm_sandbox_processing")
    await confirms(process, hold)
    stage.bank_decides(hold, "authorised")
    await confirms(process, hold)


async def authenticates(stage: Stage, process: CashierProcess, hold: Hold) -> None:
    await pays(process, hold, "pm_card_authenticationRequired")
    stage.customer_authenticates(hold)
    await confirms(process, hold)


STORIES: dict[str, Story] = {
    "paid": paying("pm_card_visa"),
    "declined": paying("pm_card_visa_chargeDeclined"),
    "declined, then paid": paying("pm_card_visa_chargeDeclined", "pm_card_visa"),
    "another method": paying("pm_card_authenticationRequired", "pm_card_visa"),
    "by the customer, who does nothing": paying(None),
    "captured at once": paying("pm_sandbox_automatic"),
    "capture refused": paying("pm_sandbox_capture_refused"),
    "answers lost": paying("pm_sandbox_answer_lost"),
    "authorised and left": paying_and_leaving("pm_card_visa"),
    "authorised and released": paying_and_releasing("pm_card_visa"),
    "captured and released": paying_and_releasing("pm_sandbox_automatic"),
    "undecided and released": paying_and_releasing("pm_card_authenticationRequired"),
    "authenticated": authenticates,
    "decided meanwhile": bank_decides,
    "captured late": decided_late("captured"),
    "authorised late": decided_late("authorised"),
    "declined late": decided_late("declined"),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
@pytest.mark.parametrize("who", ["nobody", "the customer"])
async def test_whatever_a_process_leaves_behind_is_finished(
    begin: Callable[[], None], stage: Stage, story: Story, who: str
) -> None:
    """Killed before its first, its second, … step. Then nobody comes back, or the customer does all over again."""
    for commands_max in count():
        begin()
        hold = await stage.hold()
        process = stage.process(commands_max=commands_max)
        was_killed = False
        try:
            await story(stage, process, hold)
        except Killed:
            was_killed = True
        if was_killed and who == "the customer":
            await story(stage, stage.process(), hold)
        await stage.settle(hold)
        stage.books().assert_agree()
        if not was_killed:
            return
