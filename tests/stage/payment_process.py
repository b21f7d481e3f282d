"""A purchase process that takes payments, and ends before a chosen command or provider call."""

from functools import partial

from purchase.box_office import BoxOffice
from purchase.holds.desk import HoldDesk
from purchase.holds.ledger import HoldLedger
from purchase.payments.cashier import Cashier
from purchase.payments.due_ledger import DueLedger
from purchase.payments.ledger import PaymentLedger
from purchase.payments.refund_ledger import RefundLedger
from purchase.payments.refunds import Refunds
from purchase.payments.settlement import Settlement
from purchase.payments.steps import PaymentSteps
from purchase.payments.webhook_ledger import WebhookLedger
from purchase.payments.webhooks import Webhooks
from purchase.providers import Authorisation, Notification, Payment, Provider
from purchase.store.clock import Clock
from redis.asyncio import Redis

from tests.stage.builders import HOLD_MS, PAYMENT_MS
from tests.stage.interleaving import Process
from tests.stage.sellers import HOLDS_PER_CUSTOMER


class PaymentProcess(Process):
    """A purchase process without HTTP; each call to the provider counts as a command."""

    def __init__(self, redis: Redis, provider: Provider, *, commands_max: int | None = None) -> None:
        super().__init__(redis, commands_max=commands_max)
        clock = Clock(self.partitions)
        self.holds = HoldLedger(self.connection, self.partitions, holds_per_customer=HOLDS_PER_CUSTOMER)
        desk = HoldDesk(self.offers, self.holds, clock, hold_seconds=HOLD_MS // 1_000)
        self.payments = PaymentLedger(
            self.connection,
            self.partitions,
            clock,
            hold_seconds=HOLD_MS // 1_000,
            payment_seconds=PAYMENT_MS // 1_000,
        )
        interruptible = _InterruptibleProvider(provider, self)
        steps = PaymentSteps(self.holds, self.payments, self.inventory, interruptible, clock, self.cases)
        self.cashier = Cashier(
            desk, self.holds, self.payments, self.inventory, interruptible, clock, steps, pauses_seconds=[0.01]
        )
        refund_ledger = RefundLedger(self.connection, self.partitions)
        self.refunds = Refunds(refund_ledger, self.inventory, interruptible, self.cases, self.cashier.finish_hold)
        self.box_office = BoxOffice(self.offers, self.inventory, self.refunds, direct_sales=True)
        webhook_ledger = WebhookLedger(self.connection, self.partitions)
        self.webhooks = Webhooks(webhook_ledger, interruptible, self.cashier, self.cases)
        self.settlement = Settlement(
            DueLedger(redis, self.partitions, clock),
            finish_hold=self.cashier.finish_hold,
            give_refund=self.refunds.give_refund,
        )


class _InterruptibleProvider:
    """The provider, behind a process that may end before any call."""

    def __init__(self, provider: Provider, process: Process) -> None:
        self._provider = provider
        self._process = process
        self.name = provider.name

    async def authorise(self, wanted: Authorisation) -> Payment:
        payment: Payment = await self._process.send(partial(self._provider.authorise, wanted))
        return payment

    async def retrieve(self, payment_id: str) -> Payment:
        payment: Payment = await self._process.send(partial(self._provider.retrieve, payment_id))
        return payment

    async def capture(self, payment_id: str, key: str) -> Payment:
        payment: Payment = await self._process.send(partial(self._provider.capture, payment_id, key))
        return payment

    async def void(self, payment_id: str, key: str) -> Payment:
        payment: Payment = await self._process.send(partial(self._provider.void, payment_id, key))
        return payment

    async def refund(self, payment_id: str, amount_cents: int, key: str) -> None:
        await self._process.send(partial(self._provider.refund, payment_id, amount_cents, key))

    def verify_webhook(self, body: bytes, signature: str) -> Notification:
        return self._provider.verify_webhook(body, signature)

    async def aclose(self) -> None:
        await self._provider.aclose()
