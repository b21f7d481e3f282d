"""The steps that the state of a hold asks for once its payment has begun: each asks the provider, or moves the hold.

What is to be done at the provider is written down before it is asked, and what it answered after that; each step may be
repeated, by any process, with the same key. Whoever stops in between has left a hold that says what the next step is.
"""

from typing import Literal
from uuid import UUID

from contracts.position import Position

from purchase import metrics
from purchase.cases.ledger import Case, Cases
from purchase.holds.hold import Hold
from purchase.holds.ledger import Ended, HoldLedger
from purchase.payments.ledger import Begun, Noted, PaymentLedger
from purchase.payments.progress import Step, next_step
from purchase.providers import (
    Authorisation,
    CaptureRefused,
    Declined,
    NoSuchPayment,
    Payment,
    Provider,
    ProviderAway,
    ProviderSilent,
    RefundRefused,
    Status,
    step_key,
)
from purchase.seats.inventory import Inventory
from purchase.store.clock import Clock
from purchase.store.connection import OutcomeUnknown, Unavailable
from purchase.store.idempotency import IdempotencyKey
from purchase.store.ids import partition_bits

TRIES = 10
"""How often a hold is looked at anew; others may move it meanwhile, and it has fewer steps than that."""

CANCELLED_THERE = "payment_cancelled"
"""The code of an attempt whose payment was cancelled at the provider."""


class PaymentSteps:
    """Whoever has begun a payment, or finds one, goes on with it here.

    Every step raises Unavailable, OutcomeUnknown, and PaymentFailure where the provider gives no answer that tells.
    """

    def __init__(
        self,
        holds: HoldLedger,
        payments: PaymentLedger,
        inventory: Inventory,
        provider: Provider,
        clock: Clock,
        cases: Cases,
    ) -> None:
        self._holds = holds
        self._payments = payments
        self._inventory = inventory
        self._provider = provider
        self._clock = clock
        self._cases = cases

    async def carry_on(self, hold: Hold, traceparent: str | None = None) -> tuple[Hold, Payment | None]:
        """Take step after step, until none is left or the payment is undecided; return the hold and that payment."""
        for _ in range(TRIES):
            step, payment = await self._next_step(hold)
            if step is Step.REST:
                return hold, None
            if step is Step.WAIT:
                await self._payments.look_later(hold)
                return hold, payment
            await self._take(step, hold, payment, traceparent)
            hold = await self._holds.found_again(hold)
        raise OutcomeUnknown

    async def ask_once_more(self, hold: Hold) -> None:
        """Ask for the payment of an attempt again: whoever asked before has not noted what was answered.

        Raises OutcomeUnknown, whatever came in between: it may have been authorised long ago.
        """
        try:
            asking = await self._payments.ask_again(hold)
            if asking is None:
                return
            try:
                payment = await self.authorise(asking)
            except Declined as declined:
                await self.decline(asking, declined.code)
                return
            await self.note(asking, payment)
        except (ProviderAway, ProviderSilent, Unavailable) as error:
            raise OutcomeUnknown from error

    async def authorise(self, hold: Hold) -> Payment:
        """Ask the provider for the payment of the hold's attempt. Raises Declined."""
        wanted = Authorisation(
            hold_id=hold.hold_id,
            attempt=hold.attempt,
            amount_cents=hold.amount_cents,
            currency=hold.currency,
            method=hold.method,
        )
        return await self._provider.authorise(wanted)

    async def note(
        self, hold: Hold, payment: Payment, key: IdempotencyKey | None = None
    ) -> Noted | Literal["KEY_REUSED", "MOVED"]:
        """Note the payment of the hold's attempt, and that its customer is told of it with this key."""
        begun = Begun(payment.id, self._provider.name, payment.client_secret, payment.status.name)
        return await self._payments.note(hold, begun, key)

    async def decline(self, hold: Hold, code: str) -> None:
        """The attempt came to nothing: hold the seats again, for another one."""
        if await self._payments.decline(hold, code):
            metrics.payments_declined.inc()

    async def void(self, payment_id: str, hold_id: UUID, attempt: int) -> Payment:
        """End a payment; as it then is, which may be captured."""
        payment = await self._provider.void(payment_id, step_key(hold_id, attempt, "void"))
        if payment.status is Status.CANCELLED:
            metrics.payments_voided.inc()
        return payment

    async def end(self, hold: Hold, traceparent: str | None) -> Position | None:
        """End a hold whose payment came to nothing, once it cannot bring money any more."""
        payment_id = hold.payment_id or await self._payment_asked_for(hold)
        if payment_id is not None:
            await self.give_up(payment_id, hold.hold_id, hold.attempt)
        return await self.let_go(hold, traceparent)

    async def let_go(self, hold: Hold, traceparent: str | None) -> Position | None:
        """Free the seats, of a hold that is not being paid for or whose payment has been ended; when that was told."""
        ended = await self._holds.end(hold, is_given_up=True, traceparent=traceparent)
        if not isinstance(ended, Ended):
            return None
        counted = metrics.holds_released if ended.state == "RELEASED" else metrics.holds_expired
        counted.inc()
        return ended.position

    async def give_up(self, payment_id: str, hold_id: UUID, attempt: int) -> None:
        """Leave nothing of a payment: end it, or give back what it has brought.

        One that the provider does not know any more brings nothing; why that is so, a person must find out.
        """
        try:
            payment = await self.void(payment_id, hold_id, attempt)
        except NoSuchPayment:
            case = Case(kind="unknown-payment", why="the provider does not know it", payment_id=payment_id)
            await self._cases.open(partition_bits(hold_id), case)
            return
        if payment.status is Status.CAPTURED:
            await self._refund(payment, hold_id, attempt)
        elif payment.status is not Status.CANCELLED:
            raise ProviderSilent(f"payment {payment.id} is {payment.status.name}")

    async def _next_step(self, hold: Hold) -> tuple[Step, Payment | None]:
        """Return the next step of a hold, and its payment where the step depends on it. Raises NoSuchPayment."""
        step = next_step(hold, is_past_deadline=await self._clock.is_past(hold.deadline_ms))
        if step is not Step.RETRIEVE:
            return step, None
        answer = await self._retrieve(hold)
        step = next_step(hold, answer, is_past_deadline=await self._clock.is_past(hold.deadline_ms))
        if not isinstance(answer, NoSuchPayment):
            return step, answer
        if step is Step.FAIL:
            raise answer
        return step, None

    async def _retrieve(self, hold: Hold) -> Payment | NoSuchPayment:
        assert hold.payment_id is not None
        try:
            return await self._provider.retrieve(hold.payment_id)
        except NoSuchPayment as unknown:
            return unknown

    async def _take(self, step: Step, hold: Hold, payment: Payment | None, traceparent: str | None) -> None:
        """Carry out one step, which moves the hold unless another process has moved it."""
        match step:
            case Step.AUTHORISE_AGAIN:
                await self.ask_once_more(hold)
            case Step.SELL:
                await self._sell(hold, traceparent)
            case Step.DECLINE:
                await self.decline(hold, (payment and payment.code) or CANCELLED_THERE)
            case Step.BEGIN_ENDING:
                await self._payments.begin_ending(hold, "EXPIRED")
            case Step.CAPTURE:
                await self._capture(hold)
            case Step.END:
                await self.end(hold, traceparent)
            case _:
                raise AssertionError(f"{step} is no step of a hold in state {hold.state}")

    async def _sell(self, hold: Hold, traceparent: str | None) -> None:
        """Sell the seats to whoever has authorised; where they are gone, that shall end too."""
        match await self._payments.sell(hold, traceparent):
            case "SOLD":
                metrics.payments_authorised.inc()
                metrics.seats_sold.inc(len(hold.seats))
            case "GONE":
                await self._payments.begin_ending(hold, "EXPIRED")

    async def _capture(self, hold: Hold) -> None:
        """Take the money for tickets that are sold; where it is refused for good, they are cancelled."""
        assert hold.payment_id is not None
        try:
            payment = await self._provider.capture(hold.payment_id, step_key(hold.hold_id, hold.attempt, "capture"))
        except CaptureRefused as refused:
            payment = await self.void(hold.payment_id, hold.hold_id, hold.attempt)
            if payment.status is Status.CANCELLED:
                await self._payments.refuse_capture(hold, await self._inventory.tickets(hold.ticket_ids), refused.code)
                return
        if payment.status is not Status.CAPTURED:
            raise ProviderSilent(f"payment {payment.id} is {payment.status.name}")
        if await self._payments.record_captured(hold, self._provider.name):
            metrics.payments_captured.inc()

    async def _payment_asked_for(self, hold: Hold) -> str | None:
        """Which payment an attempt has at the provider, None when it was declined: whoever asked has not noted it."""
        try:
            payment = await self.authorise(hold)
        except Declined:
            return None
        return payment.id

    async def _refund(self, payment: Payment, hold_id: UUID, attempt: int) -> None:
        """Give back all of a payment, whatever of it was given back before."""
        left = payment.amount_cents - payment.refunded_cents
        if left:
            try:
                await self._provider.refund(payment.id, left, step_key(hold_id, attempt, "refund"))
            except RefundRefused as refused:
                await self._open_case(payment, left, partition_bits(hold_id), refused)
                return
            metrics.payments_refunded.inc()
        await self._payments.record_late_refund(payment, hold_id, self._provider.name)

    async def _open_case(self, payment: Payment, cents: int, partition: int, refused: RefundRefused) -> None:
        case = Case(
            kind="refund-refused",
            why=f"late money: {refused.code}",
            payment_id=payment.id,
            amount_cents=cents,
            currency=payment.currency,
        )
        await self._cases.open(partition, case)
