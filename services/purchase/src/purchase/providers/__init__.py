"""Payment providers: the protocol, its values, and its failures.

PaymentFailure
├── Declined                definite: nothing was authorised
├── CaptureRefused          for good: the money will not come
├── RefundRefused           for good; a payment that is already refunded in full counts as done
├── NoSuchPayment
├── ProviderAway            nothing was done there: no connection, circuit open, too many calls
└── ProviderSilent          outcome unknown: it may have been done; retry with the same key
InvalidSignature            the provider did not sign the notification, or not within five minutes
"""

from enum import Enum
from typing import Literal, Protocol
from uuid import UUID

from msgspec import Struct

Step = Literal["authorise", "capture", "void", "refund"]


class Status(Enum):
    """The status of a payment at the provider."""

    REQUIRES_PAYMENT = "REQUIRES_PAYMENT"
    REQUIRES_ACTION = "REQUIRES_ACTION"
    PROCESSING = "PROCESSING"
    AUTHORISED = "AUTHORISED"
    CAPTURED = "CAPTURED"
    CANCELLED = "CANCELLED"


class Authorisation(Struct, frozen=True, kw_only=True):
    """The request for a payment.

    With a `method` the provider confirms it at once, without one the customer does.
    """

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
    """A payment at the provider; hold and attempt are None when its metadata do not name them.

    With `client_secret` the customer confirms it; `code` is why it was declined last.
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
    """A webhook of the provider: only a hint that a payment there has changed.

    `kind` is refund for a refund that was begun there, or has failed.
    """

    id: str
    type: str
    kind: Literal["payment", "refund", "dispute", "other"]
    payment_id: str | None
    hold_id: UUID | None

    def __repr__(self) -> str:
        return f"Notification(id={self.id!r}, type={self.type!r}, payment_id={self.payment_id!r})"


class PaymentFailure(Exception):
    """A step that was not taken, or may not have been."""


class Declined(PaymentFailure):
    """A refused authorisation. `payment` is the declined payment; None when the provider made none.

    It makes none for a method that it does not know, for example.
    """

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
    """A payment provider. Each step is idempotent by its key.

    Every call raises ProviderAway and ProviderSilent; every call about a payment raises
    NoSuchPayment.
    """

    @property
    def name(self) -> str: ...

    async def authorise(self, wanted: Authorisation) -> Payment:
        """Make the payment, and confirm it where a method is named. Raises Declined."""
        ...

    async def retrieve(self, payment_id: str) -> Payment: ...

    async def capture(self, payment_id: str, key: str) -> Payment:
        """Take the whole amount, unless that was done before. Raises CaptureRefused."""
        ...

    async def void(self, payment_id: str, key: str) -> Payment:
        """Cancel the payment and return it.

        It is CAPTURED or PROCESSING when it cannot be cancelled.
        """
        ...

    async def refund(self, payment_id: str, amount_cents: int, key: str) -> None:
        """Refund a part or all of the captured amount, once for each key however late.

        Raises RefundRefused.
        """
        ...

    def verify_webhook(self, body: bytes, signature: str) -> Notification:
        """Verify and decode a notification from its raw body. Raises InvalidSignature."""
        ...

    async def aclose(self) -> None: ...


def step_key(hold_id: UUID, attempt: int, step: Step) -> str:
    """Return the idempotency key of a step: the same for each retry, another for each attempt."""
    return f"{hold_id}:{attempt}:{step}"
