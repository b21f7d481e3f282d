"""Payments and refunds as the sandbox stores them."""

import secrets
import time
from typing import Literal

from msgspec import Struct, field

from payment_sandbox.methods import METHODS, NO_METHOD, Method

Status = Literal[
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "processing",
    "requires_capture",
    "succeeded",
    "canceled",
]


class Failure(Struct, frozen=True, kw_only=True):
    """The reason of the last decline."""

    code: str
    decline_code: str | None


class Intent(Struct, frozen=True, kw_only=True):
    """A payment intent: amounts in minor units, creation time in nanoseconds since 1970.

    `method` is the payment method of the last attempt; it decides how the sandbox behaves. `charge`
    is the id of the last attempt.
    """

    id: str
    client_secret: str
    amount: int
    currency: str
    capture_method: str
    metadata: dict[str, str]
    created_ns: int
    status: Status
    method: str | None = None
    charge: str | None = None
    failure: Failure | None = None
    refunded: int = 0
    refunds: int = 0
    is_disputed: bool = False
    is_unavailable: bool = field(default=False, name="is_away")

    @property
    def created(self) -> int:
        """The creation time in seconds, as in Stripe's API."""
        return self.created_ns // 1_000_000_000

    @property
    def behaviour(self) -> Method:
        return METHODS[self.method] if self.method else NO_METHOD

    @property
    def authorised(self) -> int:
        """The amount that may still be captured."""
        return self.amount if self.status == "requires_capture" else 0

    @property
    def captured(self) -> int:
        return self.amount if self.status == "succeeded" else 0


class Refund(Struct, frozen=True, kw_only=True):
    id: str
    intent: str
    charge: str
    amount: int
    currency: str
    metadata: dict[str, str]
    created: int


def mint(prefix: str) -> str:
    """Return a new id like Stripe's: pi_…, ch_…, re_…, evt_…"""
    return f"{prefix}_{secrets.token_hex(12)}"


def now() -> int:
    return int(time.time())
