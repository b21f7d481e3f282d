"""Payment messages: money is captured for tickets, and may be refunded."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from contracts.catalogue import Currency, Identifier
from contracts.hold import HoldReference
from contracts.message import Message
from contracts.text import whole
from contracts.timestamp import Timestamp

PaymentId = Annotated[str, Meta(pattern=whole("[!-~]{1,255}"), description="The provider's id of the payment.")]

ProviderName = Annotated[
    str, Meta(pattern=whole("[a-z][a-z0-9-]{0,31}"), description="The payment provider, for example `stripe`.")
]

AmountCents = Annotated[int, Meta(ge=0, le=999_999_990, description="Hundredths of the currency.")]
"""At most the seats that a hold may have, at the highest price."""


class Capture(Struct, frozen=True, kw_only=True, rename="camel"):
    """The money captured for a whole hold, and the tickets it paid for."""

    payment: PaymentId
    provider: ProviderName
    hold: HoldReference
    event_id: Identifier
    ticket_ids: Annotated[list[UUID], Meta(min_length=1, max_length=10, description="The tickets paid for.")]
    amount_cents: AmountCents
    currency: Currency
    captured_on: Timestamp


class Refund(Struct, frozen=True, kw_only=True, rename="camel"):
    """A refund of one ticket, or of a whole payment whose seats were no longer available."""

    payment: PaymentId
    provider: ProviderName
    hold: HoldReference | None = None
    event_id: Identifier | None = None
    ticket_id: Annotated[UUID, Meta(description="Absent: the whole payment was refunded.")] | None = None
    amount_cents: AmountCents
    currency: Currency
    refunded_on: Timestamp


class PaymentCaptured(Message, frozen=True, kw_only=True, tag="payment.captured.v1"):
    """The money that a customer had authorised was captured."""

    data: Capture


class PaymentRefunded(Message, frozen=True, kw_only=True, tag="payment.refunded.v1"):
    """Money was refunded."""

    data: Refund
