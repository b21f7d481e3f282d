"""What becomes of money: it is captured for tickets, and it may be refunded."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from contracts.catalogue import Currency, Identifier
from contracts.hold import HoldReference
from contracts.message import Message
from contracts.text import whole
from contracts.timestamp import Timestamp

PaymentId = Annotated[str, Meta(pattern=whole("[!-~]{1,255}"), description="The provider's own.")]

ProviderName = Annotated[str, Meta(pattern=whole("[a-z][a-z0-9-]{0,31}"), description="Who moved the money.")]

AmountCents = Annotated[int, Meta(ge=0, le=999_999_990, description="In hundredths of the currency.")]
"""Of as many seats as a hold may have, at the highest price."""


class Capture(Struct, frozen=True, kw_only=True, rename="camel"):
    """The money of a whole hold, and the tickets that it paid for."""

    payment: PaymentId
    provider: ProviderName
    hold: HoldReference
    event_id: Identifier
    ticket_ids: Annotated[list[UUID], Meta(min_length=1, max_length=10, description="What the money bought.")]
    amount_cents: AmountCents
    currency: Currency
    captured_on: Timestamp


class Refund(Struct, frozen=True, kw_only=True, rename="camel"):
    """The money of one ticket, or without a ticket all of a payment for which there were no seats any more."""

    payment: PaymentId
    provider: ProviderName
    hold: HoldReference | None = None
    event_id: Identifier | None = None
    ticket_id: Annotated[UUID, Meta(description="Absent: the whole payment was given back.")] | None = None
    amount_cents: AmountCents
    currency: Currency
    refunded_on: Timestamp


class PaymentCaptured(Message, frozen=True, kw_only=True, tag="payment.captured.v1"):
    """The money that a customer had authorised was taken."""

    data: Capture


class PaymentRefunded(Message, frozen=True, kw_only=True, tag="payment.refunded.v1"):
    """Money was given back."""

    data: Refund
