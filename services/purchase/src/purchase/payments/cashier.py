"""The commands on a payment: begin, confirm, release; and finish or reconcile it later."""

import asyncio
from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from contracts.position import Position
from msgspec import Struct

from purchase import metrics
from purchase.holds.desk import HoldDesk
from purchase.holds.hold import Hold
from purchase.holds.ledger import HoldLedger
from purchase.payments.ledger import PaymentLedger, Recorded
from purchase.payments.progress import Step, next_step, step_to_pay, step_to_reconcile
from purchase.payments.steps import CANCELLED_THERE, TRIES, PaymentSteps
from purchase.providers import Declined, Payment, PaymentFailure, Provider, ProviderAway, ProviderSilent, Status
from purchase.refusals import HoldExpired, HoldPaid, KeyReused, PaymentDeclined, PaymentRequired
from purchase.seats.inventory import Inventory
from purchase.seats.ticket import Ticket
from purchase.store.clock import Clock
from purchase.store.connection import OutcomeUnknown, Unavailable
from purchase.store.idempotency import IdempotencyKey

NOTHING_TO_PAY = "nothing_to_pay"
"""The code of a refused payment for seats that cost nothing: confirming sells them."""

PAUSES_SECONDS = (0.05, 0.1, 0.2, 0.4)
"""The pauses between reads of a hold while another call may be requesting its payment."""


class Confirmed(Struct, frozen=True, kw_only=True):
    """A hold that is sold and paid for, with its tickets as they were sold."""

    hold: Hold
    tickets: list[Ticket]
    position: Position


class Undecided(Struct, frozen=True, kw_only=True):
    """A hold whose payment is undecided, or is authorised and not yet known to be captured."""

    hold: Hold
    position: Position


class Cashier:
    """The desk at which holds are paid for.

    Every command raises Unavailable, OutcomeUnknown, and PaymentFailure when the provider's call
    fails; `finish_hold` then finishes what the command has begun.
    """

    def __init__(
        self,
        desk: HoldDesk,
        holds: HoldLedger,
        payments: PaymentLedger,
        inventory: Inventory,
        provider: Provider,
        clock: Clock,
        steps: PaymentSteps,
        *,
        pauses_seconds: Sequence[float] = PAUSES_SECONDS,
    ) -> None:
        self._desk = desk
        self._holds = holds
        self._payments = payments
        self._inventory = inventory
        self._provider = provider
        self._clock = clock
        self._steps = steps
        self._pauses_seconds = pauses_seconds

    async def pay(
        self, hold_id: UUID, method: str | None, key: IdempotencyKey | None, traceparent: str | None = None
    ) -> Recorded:
        """Begin to pay for a hold, or return the payment that is under way.

        Another method replaces a payment that still waits for its customer.
        Raises HoldNotFound, HoldExpired, HoldPaid, KeyReused, PaymentDeclined.
        """
        hold = await self._holds.get(hold_id)
        if key is not None and (remembered := await self._payments.recall(hold_id, key)):
            return _unless_reused(remembered)
        now_ms = await self._clock.now_ms()
        for _ in range(TRIES):
            recorded = await self._try_to_pay(
                hold, method, key, traceparent, is_past_deadline=hold.deadline_ms <= now_ms
            )
            if recorded != "MOVED":
                return recorded
            hold = await self._holds.reread(hold)
        raise OutcomeUnknown

    async def confirm(self, hold_id: UUID, traceparent: str | None = None) -> Confirmed | Undecided:
        """Sell the seats of a hold whose payment is authorised, and take the money. Idempotent.

        Seats that cost nothing are sold without a payment.

        Raises HoldNotFound, HoldExpired, PaymentRequired, PaymentDeclined.
        """
        hold = await self._holds.get(hold_id)
        if hold.state == "HELD" and hold.is_free:
            return await self._sell_free(hold, traceparent)
        payment = None
        try:
            hold, payment = await self._steps.advance(hold, traceparent)
        except (PaymentFailure, Unavailable):
            hold = await self._holds.reread(hold)
            if hold.state == "PAYING":
                raise
        match hold.state:
            case "CONFIRMED":
                return await self._answer(hold)
            case "PAYING" if payment is not None and payment.status is Status.PROCESSING:
                return await self._answer(hold)
            case "PAYING":
                raise _required(payment.code if payment else None)
            case "HELD" if not await self._clock.is_past(hold.deadline_ms):
                raise _required(hold.code)
            case "CANCELLED":
                raise _declined(hold.code or CANCELLED_THERE)
        raise _expired()

    async def release(self, hold_id: UUID, traceparent: str | None = None) -> Position:
        """Free the seats, after a payment that is under way has ended. Idempotent.

        Raises HoldNotFound, HoldPaid.
        """
        hold = await self._holds.get(hold_id)
        for _ in range(TRIES):
            match next_step(hold, is_given_up=True, is_past_deadline=False):
                case Step.FREE_SEATS:
                    released = await self._steps.free_seats(hold, traceparent)
                case Step.BEGIN_ENDING:
                    await self._payments.begin_ending(hold, "RELEASED")
                    released = None
                case Step.END:
                    released = await self._end_now(hold, traceparent)
                case _ if hold.state == "CONFIRMED":
                    raise HoldPaid("The hold is paid for.")
                case _:
                    return await self._payments.position(hold)
            if released is not None:
                return released
            hold = await self._holds.reread(hold)
        raise OutcomeUnknown

    async def finish_hold(self, hold_id: UUID) -> None:
        """Finish a hold that its customer or process may have left, as far as possible."""
        hold = await self._desk.finish_unpaid(hold_id)
        if hold is not None:
            await self._steps.advance(hold)

    async def reconcile(self, payment_id: str, hold_id: UUID) -> None:
        """Reconcile a payment with its hold.

        If the hold still needs the payment, it is continued; otherwise it is voided or refunded.
        """
        payment = await self._provider.retrieve(payment_id)
        if payment.hold_id != hold_id or payment.attempt is None:
            return
        hold = await self._holds.find(hold_id)
        step = step_to_reconcile(hold, payment)
        if step is Step.VOID_OR_REFUND:
            await self._steps.void_or_refund(payment.id, hold_id, payment.attempt)
        elif step is Step.CONTINUE and hold is not None:
            await self._steps.advance(hold)

    async def _try_to_pay(
        self,
        hold: Hold,
        method: str | None,
        key: IdempotencyKey | None,
        traceparent: str | None,
        *,
        is_past_deadline: bool,
    ) -> Recorded | Literal["MOVED"]:
        """Take the steps that lead to a payment, until it is recorded or the hold has moved."""
        if hold.state == "PAYING" and key is not None and key.is_reused(hold.key_mark):
            raise _reused()
        payment = None
        step = step_to_pay(hold, None, method, is_past_deadline=is_past_deadline)
        if step is Step.RETRIEVE and hold.payment_id is not None:
            payment = await self._provider.retrieve(hold.payment_id)
            step = step_to_pay(hold, payment, method, is_past_deadline=is_past_deadline)
        match step:
            case Step.BEGIN:
                return await self._begin(hold, method, key, traceparent)
            case Step.REPLACE:
                return await self._replace(hold, method, key, traceparent)
            case Step.RECORD if payment is not None:
                return await self._record(hold, payment, key)
            case Step.AUTHORISE_AGAIN:
                await self._wait_for_payment(hold)
            case Step.REST:
                raise _nothing_to_begin(hold)
        return "MOVED"

    async def _answer(self, hold: Hold) -> Confirmed | Undecided:
        """Return a hold that is sold or may be sold at any moment.

        Unavailable becomes OutcomeUnknown here, because something was done.
        """
        try:
            position = await self._payments.position(hold)
            if hold.is_captured:
                return Confirmed(hold=hold, tickets=await self._inventory.tickets(hold.ticket_ids), position=position)
            return Undecided(hold=hold, position=position)
        except Unavailable as error:
            raise OutcomeUnknown from error

    async def _begin(
        self, hold: Hold, method: str | None, key: IdempotencyKey | None, traceparent: str | None
    ) -> Recorded | Literal["MOVED"]:
        """Begin the next attempt, or return the answer that this key got before."""
        begun = await self._payments.begin(hold, method, key, traceparent)
        if begun == "EXPIRED":
            raise _expired()
        if not isinstance(begun, Hold):
            return "MOVED" if begun == "MOVED" else _unless_reused(begun)
        try:
            return await self._authorise(begun, key)
        except (ProviderSilent, Unavailable) as error:  # it may have been done: `finish_hold` finds out
            raise OutcomeUnknown from error

    async def _authorise(self, hold: Hold, key: IdempotencyKey | None) -> Recorded | Literal["MOVED"]:
        """Request the payment of an attempt that was just begun from the provider."""
        try:
            payment = await self._steps.authorise(hold)
        except Declined as declined:
            await self._steps.decline(hold, declined.code)
            raise _declined(declined.code) from declined
        except ProviderAway as away:
            if await self._payments.decline(hold, code=None):
                raise
            raise OutcomeUnknown from away  # another call has requested it too, and may have been answered
        return await self._record(hold, payment, key)

    async def _replace(
        self, hold: Hold, method: str | None, key: IdempotencyKey | None, traceparent: str | None
    ) -> Recorded | Literal["MOVED"]:
        """Void the payment of a hold and begin the next attempt."""
        assert hold.payment_id is not None
        payment = await self._steps.void(hold.payment_id, hold.hold_id, hold.attempt)
        if payment.status is not Status.CANCELLED:
            return "MOVED"
        return await self._begin(hold, method, key, traceparent)

    async def _wait_for_payment(self, hold: Hold) -> None:
        """Wait for the call that requested the payment of this attempt; then repeat its request."""
        for pause in self._pauses_seconds:
            await asyncio.sleep(pause)
            if await self._holds.get(hold.hold_id) != hold:
                return
        await self._steps.authorise_again(hold)

    async def _record(self, hold: Hold, payment: Payment, key: IdempotencyKey | None) -> Recorded | Literal["MOVED"]:
        recorded = await self._steps.record(hold, payment, key)
        return "MOVED" if recorded == "MOVED" else _unless_reused(recorded)

    async def _sell_free(self, hold: Hold, traceparent: str | None) -> Confirmed | Undecided:
        """Sell seats that cost nothing, without the provider. Raises HoldExpired."""
        if await self._payments.sell(hold, traceparent) == "SOLD":
            metrics.seats_sold.inc(len(hold.seats))
        hold = await self._holds.reread(hold)
        if hold.state != "CONFIRMED":
            raise _expired()
        return await self._answer(hold)

    async def _end_now(self, hold: Hold, traceparent: str | None) -> Position | None:
        """End a hold for its customer.

        Unavailable becomes OutcomeUnknown here, because the hold will end.
        """
        try:
            return await self._steps.end(hold, traceparent)
        except Unavailable as error:
            raise OutcomeUnknown from error


def _nothing_to_begin(hold: Hold) -> HoldExpired | HoldPaid | PaymentDeclined:
    """Return the refusal for a hold that needs no payment."""
    match hold.state:
        case "HELD":
            return PaymentDeclined("There is nothing to pay: confirm the hold.", code=NOTHING_TO_PAY)
        case "CONFIRMED":
            return HoldPaid("The hold is paid for.")
    return _expired()


def _unless_reused(recorded: Recorded | Literal["KEY_REUSED"]) -> Recorded:
    if recorded == "KEY_REUSED":
        raise _reused()
    return recorded


def _reused() -> KeyReused:
    return KeyReused("This Idempotency-Key was used with another body.")


def _expired() -> HoldExpired:
    return HoldExpired("The hold has ended.")


def _required(code: str | None) -> PaymentRequired:
    return PaymentRequired("The hold has no authorised payment.", **({"code": code} if code else {}))


def _declined(code: str) -> PaymentDeclined:
    return PaymentDeclined("The payment was declined.", code=code)
