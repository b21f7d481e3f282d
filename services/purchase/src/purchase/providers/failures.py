"""What it means that a call was refused, was not answered, or was answered with what nobody understands."""

import logging
from typing import Any

import httpx
import msgspec
from msgspec import Struct

from purchase.providers import PaymentFailure, ProviderAway, ProviderSilent

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

log = logging.getLogger(__name__)


class Words(Struct, frozen=True):
    """Stripe's body of an error."""

    type: str
    code: str | None = None
    decline_code: str | None = None
    payment_intent: dict[str, Any] | None = None


class Refused(Exception):
    """The provider understood the call and did not do it; each step says what that means for it."""

    def __init__(self, status: int, words: Words) -> None:
        super().__init__(status, words.code)
        self.status = status
        self.code = words.decline_code or words.code or words.type
        self.intent = words.payment_intent


class _Answer(Struct, frozen=True):
    error: Words


def of_answer(status: int, body: object) -> Refused | PaymentFailure:
    """What an answer that is not a 2xx means; `body` is decoded JSON, or None where there was none."""
    if status in (400, 402, 404) and (words := _words(body)) is not None and words.type != "idempotency_error":
        return Refused(status, words)
    if status in (401, 403):
        log.error("the payment provider refuses this service's key")
    if status in (401, 403, 429):
        return ProviderAway(f"answered with {status}")
    # Also a key that another call is using, or was used with another body: what became of that one is not known here.
    return ProviderSilent(f"answered with {status}")


def of_connection(error: BaseException | None) -> PaymentFailure:
    """What it means that there was no answer."""
    reason = type(error).__name__
    return ProviderAway(reason) if isinstance(error, _NOT_SENT) else ProviderSilent(reason)


def _words(body: object) -> Words | None:
    """None for what a provider does not say, such as the page of a proxy."""
    try:
        return msgspec.convert(body, _Answer).error
    except msgspec.ValidationError:
        return None
