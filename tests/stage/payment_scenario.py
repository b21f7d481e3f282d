"""An event whose seats are held, and paid for at the sandbox, by processes that may be killed."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from purchase.holds.hold import Hold, HoldSeat
from purchase.holds.ledger import Made
from purchase.providers import PaymentFailure
from purchase.providers.intents import Intents
from purchase.providers.sandbox import SandboxApi
from purchase.providers.signatures import Signatures
from purchase.refusals import Refusal
from purchase.store import keys
from purchase.store.connection import OutcomeUnknown, Unavailable, connect
from redis.asyncio import Redis as Client

from tests.stage.builders import HOLD_MS, PARTITIONS, held_seat, new_hold
from tests.stage.clock import pass_time
from tests.stage.invariants import Invariants
from tests.stage.payment_process import PaymentProcess
from tests.stage.sandboxes import API_KEY, Sandbox
from tests.stage.sellers import prepare, selling

PARTITION = keys.partition_of("Gala", PARTITIONS)
ROUNDS_MAX = 40
EXPECTED = (Refusal, PaymentFailure, Unavailable, OutcomeUnknown)
"""The ways in which a customer's call may fail."""

TWO_SEATS = (held_seat(column=1), held_seat(column=2, price_cents=1_500))


class PaymentScenario:
    """Processes that share `client`, and a second client, `redis`, that reads the stored state."""

    def __init__(self, client: Client, redis: Any, sandbox: Sandbox) -> None:
        self._client = client
        self._redis = redis
        self._sandbox = sandbox
        self.provider = Intents("sandbox", SandboxApi(sandbox.url, API_KEY), Signatures(["a-secret-of-tests"]))

    def process(self, *, commands_max: int | None = None) -> PaymentProcess:
        """A fresh process, which is killed after `commands_max` commands."""
        return PaymentProcess(self._client, self.provider, commands_max=commands_max)

    async def hold(self, seats: Sequence[HoldSeat] = TWO_SEATS) -> Hold | None:
        """Hold these seats; return None where one is taken."""
        made = await self.process().holds.hold(new_hold(*seats, customer_id="ada"))
        return made.hold if isinstance(made, Made) else None

    def pass_time(self, ms: int) -> None:
        pass_time(self._redis, PARTITION, ms=ms)

    def begin_epoch(self) -> None:
        """Begin an epoch, as recovery does: earlier seats may have other owners now."""
        self._redis.incr(keys.epoch(PARTITION))

    async def finish_all(self) -> None:
        """Finish all due work in another process; a bank that has not decided yet declines."""
        process = self.process()
        for _ in range(ROUNDS_MAX):
            if not self._redis.exists(keys.due(PARTITION)):
                return
            self.bank_decides("declined")
            self.pass_time(HOLD_MS)
            await process.settlement.finish_due()
        raise AssertionError(f"work is still due after {ROUNDS_MAX} rounds")

    def bank_decides(self, outcome: str) -> None:
        """Decide every payment that is being processed."""
        for entry in self.payments():
            if entry["status"] == "processing":
                self._sandbox.decide(entry["id"], outcome)

    def customers_authenticate(self, outcome: str = "succeeded") -> None:
        """Finish every required authentication with this outcome."""
        for entry in self.payments():
            if entry["status"] == "requires_action":
                self._sandbox.authenticate(entry["id"], outcome)

    def payments(self) -> list[dict[str, Any]]:
        """Return the payments for the stored holds, the oldest first."""
        return list(self.invariants().payments.values())

    def invariants(self) -> Invariants:
        return Invariants(self._redis, PARTITION, self._sandbox)

    async def close(self) -> None:
        await self.provider.aclose()


@asynccontextmanager
async def payment_scenario(redis_url: str, redis: Any, sandbox: Sandbox) -> AsyncIterator[PaymentScenario]:
    """A scenario on an empty Redis, with its event on sale."""
    await prepare(redis_url)
    async with selling(redis_url) as seller:
        await seller.put_on_sale("Gala")
    client = connect(redis_url)
    scenario = PaymentScenario(client, redis, sandbox)
    yield scenario
    await scenario.close()
    await client.aclose()
