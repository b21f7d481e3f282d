"""Payments: what is asked of a provider, what it answers, and what may go wrong.

PaymentFailure
├── Declined                definite: nothing was authorised
├── CaptureRefused          for good: the money will not come
├── RefundRefused           for good; what is refunded in full already counts as done, not as this
├── NoSuchPayment
├── ProviderAway            nothing was done there: no connection, circuit open, too many calls
└── ProviderSilent          asked, and no answer that tells: it may have been done; repeat with the same key
InvalidSignature            a notification that the provider did not sign, or not lately
"""

from enum import Enum
from typing import Literal, Protocol
from uuid import UUID

from msgspec import Struct

Step = Literal["authorise", "capture", "void", "refund"]


class Status(Enum):
    """Where a payment stands."""

    REQUIRES_PAYMENT = "REQUIRES_PAYMENT"
    REQUIRES_ACTION = "REQUIRES_ACTION"
    PROCESSING = "PROCESSING"
    AUTHORISED = "AUTHORISED"
    CAPTURED = "CAPTURED"
    CANCELLED = "CANCELLED"


class Authorisation(Struct, frozen=True, kw_only=True):
    """What is asked for; with a `method` the provider is to confirm at once, without one the customer does so."""

    hold_id: UUID
    attempt: int
    amount_cents: int
    currency: str
    method: str | None

    @property
    def key(self) -> str:
        return step_key(self.hold_id, self.attempt, "authorise")

    def __repr__(self) -> str:
        return f"Authorisation(attempt={self.attempt}, amount_cents={self.amount_cents}, currency={self.currency!r})"


class Payment(Struct, frozen=True, kw_only=True):
    """A payment as the provider knows it; hold and attempt are None when its metadata do not name ours.

    `client_secret` lets the customer confirm it; `code` is why it was declined last.
    """

    id: str
    status: Status
    client_secret: str | None
    amount_cents: int
    currency: str
    hold_id: UUID | None
    attempt: int | None
    refunded_cents: int
    code: str | None

    def __repr__(self) -> str:
        return f"Payment(id={self.id!r}, status={self.status.name}, attempt={self.attempt})"


class Notification(Struct, frozen=True, kw_only=True):
    """What the provider tells by itself: a hint, of which the payment there is the truth.

    A refund is one that was begun there, or that has failed.
    """

    id: str
    type: str
    kind: Literal["payment", "refund", "dispute", "other"]
    payment_id: str | None
    hold_id: UUID | None

    def __repr__(self) -> str:
        return f"Notification(id={self.id!r}, type={self.type!r}, payment_id={self.payment_id!r})"


class PaymentFailure(Exception):
    """The step was not taken, or is not known to have been."""


class Declined(PaymentFailure):
    """`payment` as it is after the decline; None when the provider made none, as for a method it does not know."""

    def __init__(self, code: str, payment: Payment | None) -> None:
        super().__init__(code)
        self.code = code
        self.payment = payment


class CaptureRefused(PaymentFailure):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class RefundRefused(PaymentFailure):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class NoSuchPayment(PaymentFailure): ...


class ProviderAway(PaymentFailure): ...


class ProviderSilent(PaymentFailure): ...


class InvalidSignature(Exception): ...


class Provider(Protocol):
    """A payment provider; each step may be repeated with its key and is then taken once.

    Every call to it raises ProviderAway and ProviderSilent, and every one about a payment NoSuchPayment.
    """

    @property
    def name(self) -> str: ...

    async def authorise(self, wanted: Authorisation) -> Payment:
        """Make the payment, and confirm it where a method is named. Raises Declined."""
        ...

    async def retrieve(self, payment_id: str) -> Payment: ...

    async def capture(self, payment_id: str, key: str) -> Payment:
        """Take the whole amount; one that is captured already is answered as it is. Raises CaptureRefused."""
        ...

    async def void(self, payment_id: str, key: str) -> Payment:
        """End the payment and answer it as it then is: CANCELLED, or CAPTURED or PROCESSING when it cannot be ended."""
        ...

    async def refund(self, payment_id: str, amount_cents: int, key: str) -> None:
        """Give back a part or all of what was captured, once for each key however late. Raises RefundRefused."""
        ...

    def verify_webhook(self, body: bytes, signature: str) -> Notification:
        """Read what the provider signed, from the bytes as they came. Raises InvalidSignature."""
        ...

    async def aclose(self) -> None: ...


def step_key(hold_id: UUID, attempt: int, step: Step) -> str:
    """The key of a step: the same for each repetition, another for each attempt."""
    return f"{hold_id}:{attempt}:{step}"
