"""The provider protocol on Stripe's PaymentIntents API, independent of the HTTP client."""

import logging
from collections.abc import Mapping
from typing import Protocol, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Struct

from purchase.providers import (
    Authorisation,
    CaptureRefused,
    Declined,
    NoSuchPayment,
    Notification,
    Payment,
    ProviderSilent,
    RefundRefused,
    Status,
)
from purchase.providers.failures import Refused
from purchase.providers.signatures import Signatures, read_hold

INTENTS = "/v1/payment_intents"
REFUNDS = "/v1/refunds"
REFUNDS_MAX = 100
"""More refunds than a payment can have: each of its tickets is refunded once."""

_WITH_CHARGE = {"expand[]": "latest_charge"}
_FAILED = ("failed", "canceled")
_STATUSES = {
    "requires_payment_method": Status.REQUIRES_PAYMENT,
    "requires_confirmation": Status.REQUIRES_PAYMENT,
    "requires_action": Status.REQUIRES_ACTION,
    "processing": Status.PROCESSING,
    "requires_capture": Status.AUTHORISED,
    "succeeded": Status.CAPTURED,
    "canceled": Status.CANCELLED,
}

log = logging.getLogger(__name__)

T = TypeVar("T")


class Api(Protocol):
    """An HTTP client of Stripe's API."""

    async def call(self, method: str, path: str, form: Mapping[str, str], key: str | None = None) -> object:
        """Return the decoded answer. Raises Refused, ProviderAway, ProviderSilent."""
        ...

    async def aclose(self) -> None: ...


class Intents:
    """A provider with Stripe's API."""

    def __init__(self, name: str, api: Api, signatures: Signatures) -> None:
        self.name = name
        self._api = api
        self._signatures = signatures

    async def authorise(self, wanted: Authorisation) -> Payment:
        form = {
            "amount": str(wanted.amount_cents),
            "currency": wanted.currency.lower(),
            "capture_method": "manual",
            "payment_method_types[]": "card",
            "metadata[hold]": str(wanted.hold_id),
            "metadata[attempt]": str(wanted.attempt),
            **_WITH_CHARGE,
        }
        if wanted.method is not None:
            form |= {"payment_method": wanted.method, "confirm": "true"}
        try:
            return read_payment(await self._api.call("POST", INTENTS, form, wanted.key))
        except Refused as refused:
            if refused.status != 402:
                log.warning("authorisation rejected as invalid: %s", refused.code)
            payment = None if refused.intent is None else read_payment(refused.intent)
            raise Declined(refused.code, payment) from None

    async def retrieve(self, payment_id: str) -> Payment:
        try:
            return read_payment(await self._api.call("GET", _path(payment_id), _WITH_CHARGE))
        except Refused as refused:
            raise _unforeseen(refused) from None

    async def capture(self, payment_id: str, key: str) -> Payment:
        try:
            return await self._change(payment_id, "capture", key)
        except Refused as refused:
            payment = await self.retrieve(payment_id)
            if payment.status is Status.CAPTURED:
                return payment
            raise CaptureRefused(refused.code) from None

    async def void(self, payment_id: str, key: str) -> Payment:
        try:
            return await self._change(payment_id, "cancel", key)
        except Refused:
            payment = await self.retrieve(payment_id)
            if payment.status in (Status.CANCELLED, Status.CAPTURED, Status.PROCESSING):
                return payment
        # The refusal is older and was remembered for the key; a call without a key is decided anew.
        try:
            return await self._change(payment_id, "cancel", None)
        except Refused as refused:
            raise _unforeseen(refused) from None

    async def refund(self, payment_id: str, amount_cents: int, key: str) -> None:
        try:
            # The provider deletes keys after a day; then a part could be refunded twice.
            if not await self._has_refunded(payment_id, key):
                await self._refund(payment_id, amount_cents, key)
        except Refused as refused:
            if refused.status == 404:
                raise NoSuchPayment(payment_id) from None
            if refused.code != "charge_already_refunded":
                raise RefundRefused(refused.code) from None

    def verify_webhook(self, body: bytes, signature: str) -> Notification:
        return self._signatures.read(body, signature)

    async def aclose(self) -> None:
        await self._api.aclose()

    async def _change(self, payment_id: str, step: str, key: str | None) -> Payment:
        """Raises Refused."""
        return read_payment(await self._api.call("POST", f"{_path(payment_id)}/{step}", _WITH_CHARGE, key))

    async def _has_refunded(self, payment_id: str, key: str) -> bool:
        """Raises Refused."""
        form = {"payment_intent": payment_id, "limit": str(REFUNDS_MAX)}
        listed = _convert(await self._api.call("GET", REFUNDS, form), _Refunds)
        return any(refund.is_made_for(key) for refund in listed.data)

    async def _refund(self, payment_id: str, amount_cents: int, key: str) -> None:
        """Raises Refused, RefundRefused."""
        form = {"payment_intent": payment_id, "amount": str(amount_cents), "metadata[key]": key}
        refund = _convert(await self._api.call("POST", REFUNDS, form, key), _Refund)
        if refund.status in _FAILED:
            raise RefundRefused(refund.status)


class _Charge(Struct, frozen=True):
    captured: bool
    amount_refunded: int


class _Error(Struct, frozen=True):
    code: str | None = None
    decline_code: str | None = None


class _Intent(Struct, frozen=True):
    id: str
    status: str
    amount: int
    currency: str
    client_secret: str | None = None
    metadata: dict[str, str] = {}
    latest_charge: _Charge | str | None = None
    last_payment_error: _Error | None = None


class _Refund(Struct, frozen=True):
    status: str
    metadata: dict[str, str] | None = None

    def is_made_for(self, key: str) -> bool:
        return (self.metadata or {}).get("key") == key and self.status not in _FAILED


class _Refunds(Struct, frozen=True):
    data: list[_Refund]


def read_payment(answer: object) -> Payment:
    """Convert a decoded PaymentIntent. Raises ProviderSilent for anything else."""
    intent = _convert(answer, _Intent)
    status = _STATUSES.get(intent.status)
    if status is None:
        raise ProviderSilent("the payment has an unknown status")
    charge, error = intent.latest_charge, intent.last_payment_error
    attempt = intent.metadata.get("attempt", "")
    return Payment(
        id=intent.id,
        status=status,
        client_secret=intent.client_secret,
        amount_cents=intent.amount,
        currency=intent.currency.upper(),
        hold_id=read_hold(intent.metadata),
        attempt=int(attempt) if attempt.isdecimal() else None,
        # The provider counts a cancelled authorisation as refunded, though no money was taken.
        refunded_cents=charge.amount_refunded if isinstance(charge, _Charge) and charge.captured else 0,
        code=None if error is None else error.decline_code or error.code,
    )


def _path(payment_id: str) -> str:
    return f"{INTENTS}/{quote(payment_id, safe='')}"


def _convert(answer: object, kind: type[T]) -> T:
    """Raises ProviderSilent."""
    try:
        return msgspec.convert(answer, kind)
    except msgspec.ValidationError:
        raise ProviderSilent("the answer cannot be decoded") from None


def _unforeseen(refused: Refused) -> NoSuchPayment | ProviderSilent:
    """Return the failure for a refusal of a step that cannot be refused."""
    return NoSuchPayment(refused.code) if refused.status == 404 else ProviderSilent(refused.code)
