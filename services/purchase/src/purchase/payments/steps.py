"""Drives a payment to its end: take the next step of its hold, read the hold again, repeat.

The request to the provider is recorded before the call, and its answer after it. So every step is
idempotent: any process may repeat it with the same key, and a process that dies leaves a hold that
has a next step.
"""

from typing import Literal
from uuid import UUID

from contracts.position import Position

from purchase import metrics
from purchase.cases.ledger import Case, Cases
from purchase.holds.hold import Hold
from purchase.holds.ledger import Ended, HoldLedger
from purchase.payments.ledger import BegunPayment, PaymentLedger, Recorded
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
"""How often a call reads a hold again.

A hold has fewer steps, but other calls may move it meanwhile.
"""

CANCELLED_THERE = "payment_cancelled"
"""The code of a declined attempt whose payment was cancelled at the provider."""


class PaymentSteps:
    """The steps of a payment, at the provider and in Redis.

    Every step raises Unavailable, OutcomeUnknown, and PaymentFailure when the provider's call
    fails.
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

    async def advance(self, hold: Hold, traceparent: str | None = None) -> tuple[Hold, Payment | None]:
        """Take the next step of a hold until it needs none, or its payment is undecided.

        Return the hold, and the undecided payment.
        """
        for _ in range(TRIES):
            step, payment = await self._next_step(hold)
            if step is Step.REST:
                return hold, None
            if step is Step.WAIT:
                await self._payments.poll_later(hold)
                return hold, payment
            await self._take(step, hold, payment, traceparent)
            hold = await self._holds.reread(hold)
        raise OutcomeUnknown

    async def authorise_again(self, hold: Hold) -> None:
        """Repeat the request for a payment whose answer was not recorded.

        Raises OutcomeUnknown when the call fails: an earlier request may have been authorised.
        """
        try:
            unanswered = await self._payments.record_retry(hold)
            if unanswered is None:
                return
            try:
                payment = await self.authorise(unanswered)
            except Declined as declined:
                await self.decline(unanswered, declined.code)
                return
            await self.record(unanswered, payment)
        except (ProviderAway, ProviderSilent, Unavailable) as error:
            raise OutcomeUnknown from error

    async def authorise(self, hold: Hold) -> Payment:
        """Request the payment of the hold's attempt from the provider. Raises Declined."""
        wanted = Authorisation(
            hold_id=hold.hold_id,
            attempt=hold.attempt,
            amount_cents=hold.amount_cents,
            currency=hold.currency,
            method=hold.method,
        )
        return await self._provider.authorise(wanted)

    async def record(
        self, hold: Hold, payment: Payment, key: IdempotencyKey | None = None
    ) -> Recorded | Literal["KEY_REUSED", "MOVED"]:
        """Record the payment of the hold's attempt, as the answer for this key."""
        begun = BegunPayment(payment.id, self._provider.name, payment.client_secret, payment.status.name)
        return await self._payments.record_payment(hold, begun, key)

    async def decline(self, hold: Hold, code: str) -> None:
        """End the attempt, and hold the seats again for another one."""
        if await self._payments.decline(hold, code):
            metrics.payments_declined.inc()

    async def void(self, payment_id: str, hold_id: UUID, attempt: int) -> Payment:
        """Void a payment; return it as it then is, which may be captured."""
        payment = await self._provider.void(payment_id, step_key(hold_id, attempt, "void"))
        if payment.status is Status.CANCELLED:
            metrics.payments_voided.inc()
        return payment

    async def end(self, hold: Hold, traceparent: str | None) -> Position | None:
        """Void or refund the payment of a hold, then free its seats.

        Return the position of the message.
        """
        payment_id = hold.payment_id or await self._request_payment_id(hold)
        if payment_id is not None:
            await self.void_or_refund(payment_id, hold.hold_id, hold.attempt)
        return await self.free_seats(hold, traceparent)

    async def free_seats(self, hold: Hold, traceparent: str | None) -> Position | None:
        """Free the seats of a hold without a payment.

        Return the position of the message, or None when the hold has moved.
        """
        ended = await self._holds.end(hold, is_given_up=True, traceparent=traceparent)
        if not isinstance(ended, Ended):
            return None
        counter = metrics.holds_released if ended.state == "RELEASED" else metrics.holds_expired
        counter.inc()
        return ended.position

    async def void_or_refund(self, payment_id: str, hold_id: UUID, attempt: int) -> None:
        """Void a payment, or refund its money.

        A payment that the provider does not know brings no money. It becomes a case, so that a
        person finds out why.
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
        """Return the next step of a hold, and its payment where the step depends on it.

        Raises NoSuchPayment.
        """
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
                await self.authorise_again(hold)
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
        """Sell the seats; end the hold when they are no longer its own."""
        match await self._payments.sell(hold, traceparent):
            case "SOLD":
                metrics.payments_authorised.inc()
                metrics.seats_sold.inc(len(hold.seats))
            case "GONE":
                await self._payments.begin_ending(hold, "EXPIRED")

    async def _capture(self, hold: Hold) -> None:
        """Take the money for the tickets, or cancel them when the provider refuses it for good."""
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

    async def _request_payment_id(self, hold: Hold) -> str | None:
        """Repeat the request for an unrecorded payment; return None when it was declined."""
        try:
            payment = await self.authorise(hold)
        except Declined:
            return None
        return payment.id

    async def _refund(self, payment: Payment, hold_id: UUID, attempt: int) -> None:
        """Refund a payment completely; a part may have been refunded before."""
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
