"""The order of things between seats and money: seats are sold to whoever has authorised, and then the money is taken.

What is to be done at the provider is written down before it is asked, and what it answered after that; each step may be
repeated, by any process, with the same key. Whoever stops in between has left a hold that says what the next step is.
"""

import asyncio
from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from contracts.position import Position
from msgspec import Struct

from purchase import metrics
from purchase.attention import Attention, Matter
from purchase.clock import Clock
from purchase.hold_desk import HoldDesk
from purchase.hold_ledger import Ended, HoldLedger
from purchase.holds import Hold
from purchase.idempotency import IdempotencyKey
from purchase.inventory import Inventory
from purchase.outbox import OutcomeUnknown, Unavailable
from purchase.payment_ledger import Begun, Noted, PaymentLedger
from purchase.payments import (
    Authorisation,
    CaptureRefused,
    Declined,
    NoSuchPayment,
    Payment,
    PaymentFailure,
    Provider,
    ProviderAway,
    ProviderSilent,
    RefundRefused,
    Status,
    step_key,
)
from purchase.refusals import HoldExpired, HoldPaid, KeyReused, PaymentDeclined, PaymentRequired
from purchase.tickets import Ticket, partition_bits

TRIES = 10
"""How often a hold is looked at anew; others may move it meanwhile, and it has fewer steps than that."""

CANCELLED_THERE = "payment_cancelled"
"""The code of an attempt whose payment was cancelled at the provider."""

NOTHING_TO_PAY = "nothing_to_pay"
"""The code of whoever wants to pay for seats that cost nothing: they are had by confirming."""

PAUSES_SECONDS = (0.05, 0.1, 0.2, 0.4)
"""How long another call is waited for that may be asking for the same payment, between looks."""


class Confirmed(Struct, frozen=True, kw_only=True):
    """The seats are sold and paid for; the tickets are as they were sold."""

    hold: Hold
    tickets: list[Ticket]
    position: Position


class Undecided(Struct, frozen=True, kw_only=True):
    """The provider has not decided yet, or the seats are sold and it has not said that the money is taken."""

    hold: Hold
    position: Position


class Cashier:
    """Takes the money for holds.

    Every command raises Unavailable, OutcomeUnknown, and PaymentFailure where the provider gives no answer that tells;
    what was begun by then is carried on by `settle`.
    """

    def __init__(
        self,
        desk: HoldDesk,
        holds: HoldLedger,
        payments: PaymentLedger,
        inventory: Inventory,
        provider: Provider,
        clock: Clock,
        attention: Attention,
        *,
        pauses_seconds: Sequence[float] = PAUSES_SECONDS,
    ) -> None:
        self._desk = desk
        self._holds = holds
        self._payments = payments
        self._inventory = inventory
        self._provider = provider
        self._clock = clock
        self._attention = attention
        self._pauses_seconds = pauses_seconds

    async def pay(
        self, hold_id: UUID, method: str | None, key: IdempotencyKey | None, traceparent: str | None = None
    ) -> Noted:
        """Begin to pay for a hold, or tell of the payment that is under way.

        Another method replaces a payment that still waits for its customer.
        Raises HoldNotFound, HoldExpired, HoldPaid, KeyReused, PaymentDeclined.
        """
        hold = await self._holds.found(hold_id)
        if key is not None and (remembered := await self._payments.recall(hold_id, key)):
            return _unless_reused(remembered)
        for _ in range(TRIES):
            match hold.state:
                case "HELD" if hold.is_free and not await self._is_late(hold):
                    raise PaymentDeclined("there is nothing to pay: confirm the hold", code=NOTHING_TO_PAY)
                case "HELD":
                    noted = await self._begin(hold, method, key, traceparent)
                case "PAYING":
                    noted = await self._join(hold, method, key, traceparent)
                case "CONFIRMED":
                    raise HoldPaid("the hold is paid for")
                case _:
                    raise _expired()
            if noted != "MOVED":
                return noted
            hold = await self._found_again(hold)
        raise OutcomeUnknown

    async def confirm(self, hold_id: UUID, traceparent: str | None = None) -> Confirmed | Undecided:
        """Sell the seats of a hold whose payment is authorised, and take the money; repeating it answers the same.

        Seats that cost nothing are sold without a payment.

        Raises HoldNotFound, HoldExpired, PaymentRequired, PaymentDeclined.
        """
        hold = await self._holds.found(hold_id)
        if hold.state == "HELD" and hold.is_free:
            return await self._give_away(hold, traceparent)
        payment = None
        try:
            hold, payment = await self._carry_on(hold, traceparent)
        except (PaymentFailure, Unavailable):
            hold = await self._found_again(hold)
            if hold.state == "PAYING":
                raise
        match hold.state:
            case "CONFIRMED":
                return await self._sold(hold)
            case "PAYING" if payment is not None and payment.status is Status.PROCESSING:
                return await self._sold(hold)
            case "PAYING":
                raise _required(payment.code if payment else None)
            case "HELD" if not await self._is_late(hold):
                raise _required(hold.code)
            case "CANCELLED":
                raise _declined(hold.code or CANCELLED_THERE)
        raise _expired()

    async def release(self, hold_id: UUID, traceparent: str | None = None) -> Position:
        """Let go of the seats, once a payment that is under way is ended; repeating it changes nothing.

        Raises HoldNotFound, HoldPaid.
        """
        hold = await self._holds.found(hold_id)
        for _ in range(TRIES):
            match hold.state:
                case "HELD":
                    released = await self._let_go(hold, traceparent)
                case "PAYING":
                    await self._payments.begin_ending(hold, "RELEASED")
                    released = None
                case "ENDING":
                    released = await self._end_now(hold, traceparent)
                case "CONFIRMED":
                    raise HoldPaid("the hold is paid for")
                case _:
                    return await self._payments.position(hold)
            if released is not None:
                return released
            hold = await self._found_again(hold)
        raise OutcomeUnknown

    async def settle(self, hold_id: UUID) -> None:
        """Carry on with a hold that nobody else may be looking after, as far as it goes just now."""
        hold = await self._holds.find(hold_id)
        if hold is None or hold.state == "HELD":
            await self._desk.settle(hold_id)
        else:
            await self._carry_on(hold)

    async def disown(self, payment_id: str, hold_id: UUID) -> None:
        """End a payment that its hold does not want, or give it back, once; with one that it wants, carry on.

        A hold is forgotten only when it was sold, or when none of its payments could still bring money: what was
        captured for a hold that is forgotten stays with us.
        """
        payment = await self._provider.retrieve(payment_id)
        if payment.hold_id != hold_id or payment.attempt is None:
            return
        hold = await self._holds.find(hold_id)
        if hold is not None and _wants(hold, payment):
            await self._carry_on(hold)
        elif hold is not None or payment.status is not Status.CAPTURED:
            await self._give_up(payment.id, hold_id, payment.attempt)

    async def _sold(self, hold: Hold) -> Confirmed | Undecided:
        """What is told of a hold that is sold or may be at any moment: it is too late to say that nothing was done."""
        try:
            position = await self._payments.position(hold)
            if hold.is_captured:
                return Confirmed(hold=hold, tickets=await self._tickets(hold), position=position)
            return Undecided(hold=hold, position=position)
        except Unavailable as error:
            raise OutcomeUnknown from error

    async def _begin(
        self, hold: Hold, method: str | None, key: IdempotencyKey | None, traceparent: str | None
    ) -> Noted | Literal["MOVED"]:
        """Begin the next attempt, unless it was told with this key how one was begun before."""
        begun = await self._payments.begin(hold, method, key, traceparent)
        if begun == "EXPIRED":
            raise _expired()
        if not isinstance(begun, Hold):
            return "MOVED" if begun == "MOVED" else _unless_reused(begun)
        try:
            return await self._ask(begun, key)
        except (ProviderSilent, Unavailable) as error:  # it may have been done, and `settle` finds out
            raise OutcomeUnknown from error

    async def _ask(self, hold: Hold, key: IdempotencyKey | None) -> Noted | Literal["MOVED"]:
        """Ask the provider for the payment of an attempt that was just begun, for the first time."""
        try:
            payment = await self._provider.authorise(_wanted(hold))
        except Declined as declined:
            await self._decline(hold, declined.code)
            raise _declined(declined.code) from declined
        except ProviderAway as away:
            if await self._payments.decline(hold, code=None):
                raise
            raise OutcomeUnknown from away  # others have asked too, and who knows what they were told
        return await self._tell(hold, payment, key)

    async def _join(
        self, hold: Hold, method: str | None, key: IdempotencyKey | None, traceparent: str | None
    ) -> Noted | Literal["MOVED"]:
        """Tell of the payment that is under way, or begin another in its place."""
        if key is not None and key.is_reused(hold.key_mark):
            return _unless_reused("KEY_REUSED")
        if hold.payment_id is None:
            await self._find_payment(hold)
            return "MOVED"
        payment = await self._provider.retrieve(hold.payment_id)
        if _stands(payment, hold, method):
            return await self._tell(hold, payment, key)
        if payment.status is not Status.CANCELLED:
            payment = await self._void(hold.payment_id, hold.hold_id, hold.attempt)
        if payment.status is not Status.CANCELLED:
            return "MOVED"
        return await self._begin(hold, method, key, traceparent)

    async def _find_payment(self, hold: Hold) -> None:
        """Wait a moment for whoever has asked for the payment of this attempt; then ask for it again."""
        for pause in self._pauses_seconds:
            await asyncio.sleep(pause)
            if await self._holds.found(hold.hold_id) != hold:
                return
        await self._ask_once_more(hold)

    async def _tell(self, hold: Hold, payment: Payment, key: IdempotencyKey | None) -> Noted | Literal["MOVED"]:
        begun = Begun(payment.id, self._provider.name, payment.client_secret, payment.status.name)
        noted = await self._payments.note(hold, begun, key)
        return "MOVED" if noted == "MOVED" else _unless_reused(noted)

    async def _carry_on(self, hold: Hold, traceparent: str | None = None) -> tuple[Hold, Payment | None]:
        """Take step after step, until none is left or the payment is undecided; the hold, and that payment."""
        for _ in range(TRIES):
            if _is_at_rest(hold):
                return hold, None
            undecided = await self._step(hold, traceparent)
            if undecided is not None:
                return hold, undecided
            hold = await self._found_again(hold)
        raise OutcomeUnknown

    async def _step(self, hold: Hold, traceparent: str | None) -> Payment | None:
        """The next step of a hold; its payment, if that must be decided first."""
        match hold.state:
            case "PAYING" if hold.payment_id is not None:
                return await self._decide(hold, hold.payment_id, traceparent)
            case "PAYING" if await self._is_late(hold):
                await self._payments.begin_ending(hold, "EXPIRED")
            case "PAYING":
                await self._ask_once_more(hold)
            case "CONFIRMED":
                await self._capture(hold)
            case "ENDING":
                await self._end(hold, traceparent)
        return None

    async def _ask_once_more(self, hold: Hold) -> None:
        """Ask for the payment of an attempt again: whoever asked before has not noted what was answered.

        Raises OutcomeUnknown, whatever came in between: it may have been authorised long ago.
        """
        try:
            asking = await self._payments.ask_again(hold)
            if asking is None:
                return
            try:
                payment = await self._provider.authorise(_wanted(asking))
            except Declined as declined:
                await self._decline(asking, declined.code)
                return
            await self._tell(asking, payment, key=None)
        except (ProviderAway, ProviderSilent, Unavailable) as error:
            raise OutcomeUnknown from error

    async def _decide(self, hold: Hold, payment_id: str, traceparent: str | None) -> Payment | None:
        """Do what the payment's status asks for; the payment, while it is undecided."""
        try:
            payment = await self._provider.retrieve(payment_id)
        except NoSuchPayment:
            if not await self._is_late(hold):
                raise
            await self._payments.begin_ending(hold, "EXPIRED")
            return None
        match payment.status:
            case Status.AUTHORISED | Status.CAPTURED:
                await self._sell(hold, traceparent)
            case Status.CANCELLED:
                await self._decline(hold, payment.code or CANCELLED_THERE)
            case _ if await self._is_late(hold):
                await self._payments.begin_ending(hold, "EXPIRED")
            case _:
                await self._payments.look_later(hold)
                return payment
        return None

    async def _give_away(self, hold: Hold, traceparent: str | None) -> Confirmed | Undecided:
        """Sell seats that cost nothing, of which no provider hears. Raises HoldExpired."""
        if await self._payments.sell(hold, traceparent) == "SOLD":
            metrics.seats_sold.inc(len(hold.seats))
        hold = await self._found_again(hold)
        if hold.state != "CONFIRMED":
            raise _expired()
        return await self._sold(hold)

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
            payment = await self._void(hold.payment_id, hold.hold_id, hold.attempt)
            if payment.status is Status.CANCELLED:
                await self._payments.refuse_capture(hold, await self._tickets(hold), refused.code)
                return
        if payment.status is not Status.CAPTURED:
            raise ProviderSilent(f"payment {payment.id} is {payment.status.name}")
        if await self._payments.note_captured(hold, self._provider.name):
            metrics.payments_captured.inc()

    async def _end_now(self, hold: Hold, traceparent: str | None) -> Position | None:
        """End a hold for its customer, who must not hear that nothing was done: it will end."""
        try:
            return await self._end(hold, traceparent)
        except Unavailable as error:
            raise OutcomeUnknown from error

    async def _end(self, hold: Hold, traceparent: str | None) -> Position | None:
        """End a hold whose payment came to nothing, once it cannot bring money any more."""
        payment_id = hold.payment_id or await self._payment_asked_for(hold)
        if payment_id is not None:
            await self._give_up(payment_id, hold.hold_id, hold.attempt)
        return await self._let_go(hold, traceparent)

    async def _let_go(self, hold: Hold, traceparent: str | None) -> Position | None:
        """Free the seats, of a hold that is not being paid for or whose payment has been ended; when that was told."""
        ended = await self._holds.end(hold, is_given_up=True, traceparent=traceparent)
        if not isinstance(ended, Ended):
            return None
        counted = metrics.holds_released if ended.state == "RELEASED" else metrics.holds_expired
        counted.inc()
        return ended.position

    async def _payment_asked_for(self, hold: Hold) -> str | None:
        """Which payment an attempt has at the provider, None when it was declined: whoever asked has not noted it."""
        try:
            payment = await self._provider.authorise(_wanted(hold))
        except Declined:
            return None
        return payment.id

    async def _give_up(self, payment_id: str, hold_id: UUID, attempt: int) -> None:
        """Leave nothing of a payment: end it, or give back what it has brought.

        One that the provider does not know any more brings nothing; why that is so, a person must find out.
        """
        try:
            payment = await self._void(payment_id, hold_id, attempt)
        except NoSuchPayment:
            matter = Matter(kind="unknown-payment", why="the provider does not know it", payment_id=payment_id)
            await self._attention.ask_for(partition_bits(hold_id), matter)
            return
        if payment.status is Status.CAPTURED:
            await self._refund(payment, hold_id, attempt)
        elif payment.status is not Status.CANCELLED:
            raise ProviderSilent(f"payment {payment.id} is {payment.status.name}")

    async def _refund(self, payment: Payment, hold_id: UUID, attempt: int) -> None:
        """Give back all of a payment, whatever of it was given back before."""
        left = payment.amount_cents - payment.refunded_cents
        if left:
            try:
                await self._provider.refund(payment.id, left, step_key(hold_id, attempt, "refund"))
            except RefundRefused as refused:
                await self._ask_a_person(payment, left, partition_bits(hold_id), refused)
                return
            metrics.payments_refunded.inc()
        await self._payments.note_late_refund(payment, hold_id, self._provider.name)

    async def _ask_a_person(self, payment: Payment, cents: int, partition: int, refused: RefundRefused) -> None:
        matter = Matter(
            kind="refund-refused",
            why=f"late money: {refused.code}",
            payment_id=payment.id,
            amount_cents=cents,
            currency=payment.currency,
        )
        await self._attention.ask_for(partition, matter)

    async def _void(self, payment_id: str, hold_id: UUID, attempt: int) -> Payment:
        payment = await self._provider.void(payment_id, step_key(hold_id, attempt, "void"))
        if payment.status is Status.CANCELLED:
            metrics.payments_voided.inc()
        return payment

    async def _decline(self, hold: Hold, code: str) -> None:
        if await self._payments.decline(hold, code):
            metrics.payments_declined.inc()

    async def _tickets(self, hold: Hold) -> list[Ticket]:
        found = await asyncio.gather(*(self._inventory.ticket(ticket_id) for ticket_id in hold.ticket_ids))
        tickets = [ticket for ticket in found if ticket is not None]
        assert len(tickets) == len(hold.seats), "a hold names tickets that are not kept"
        return tickets

    async def _is_late(self, hold: Hold) -> bool:
        return hold.deadline_ms <= await self._clock.now_ms()

    async def _found_again(self, hold: Hold) -> Hold:
        """The hold as it is now. A step was taken: it is too late to say that nothing was done."""
        try:
            return await self._holds.found(hold.hold_id)
        except Unavailable as error:
            raise OutcomeUnknown from error


def _is_at_rest(hold: Hold) -> bool:
    return hold.is_captured or hold.state not in ("PAYING", "CONFIRMED", "ENDING")


def _wants(hold: Hold, payment: Payment) -> bool:
    """Whether it is the payment that the hold waits for, or was sold for."""
    is_its_own = hold.attempt == payment.attempt and hold.payment_id in (None, payment.id)
    return is_its_own and hold.state in ("PAYING", "CONFIRMED", "ENDING")


def _stands(payment: Payment, hold: Hold, method: str | None) -> bool:
    """Whether the payment under way is also the answer to whoever wants to pay by this method."""
    match payment.status:
        case Status.CANCELLED:
            return False
        case Status.REQUIRES_PAYMENT:
            return hold.method is None and method is None
        case Status.REQUIRES_ACTION:
            return hold.method == method
    return True


def _wanted(hold: Hold) -> Authorisation:
    return Authorisation(
        hold_id=hold.hold_id,
        attempt=hold.attempt,
        amount_cents=hold.amount_cents,
        currency=hold.currency,
        method=hold.method,
    )


def _unless_reused(noted: Noted | Literal["KEY_REUSED"]) -> Noted:
    if noted == "KEY_REUSED":
        raise KeyReused("this Idempotency-Key came with another body before")
    return noted


def _expired() -> HoldExpired:
    return HoldExpired("the hold is over")


def _required(code: str | None) -> PaymentRequired:
    return PaymentRequired("nothing is authorised for this hold", **({"code": code} if code else {}))


def _declined(code: str) -> PaymentDeclined:
    return PaymentDeclined("the payment was declined", code=code)
