"""Classifies failed provider calls: refused, not sent, or outcome unknown."""

import logging
from typing import Any

import httpx
import msgspec
from msgspec import Struct

from purchase.providers import PaymentFailure, ProviderAway, ProviderSilent

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

log = logging.getLogger(__name__)


class ErrorBody(Struct, frozen=True):
    """The error in an answer of Stripe's API."""

    type: str
    code: str | None = None
    decline_code: str | None = None
    payment_intent: dict[str, Any] | None = None


class Refused(Exception):
    """A call that the provider understood and refused; each step decides what that means."""

    def __init__(self, status: int, error: ErrorBody) -> None:
        super().__init__(status, error.code)
        self.status = status
        self.code = error.decline_code or error.code or error.type
        self.intent = error.payment_intent


class _Answer(Struct, frozen=True):
    error: ErrorBody


def of_answer(status: int, body: object) -> Refused | PaymentFailure:
    """Classify an answer that is not a 2xx; `body` is its decoded JSON, None where it has none."""
    if status in (400, 402, 404) and (error := _error_of(body)) is not None and error.type != "idempotency_error":
        return Refused(status, error)
    if status in (401, 403):
        log.error("the payment provider rejects this service's API key")
    if status in (401, 403, 429):
        return ProviderAway(f"answered with {status}")
    # Includes a key that another call is using, or has used with another body: the outcome of that
    # call is unknown.
    return ProviderSilent(f"answered with {status}")


def of_connection(error: BaseException | None) -> PaymentFailure:
    """Classify a call without an answer."""
    reason = type(error).__name__
    return ProviderAway(reason) if isinstance(error, _NOT_SENT) else ProviderSilent(reason)


def _error_of(body: object) -> ErrorBody | None:
    """Return the error in a body.

    It is None for a body that is not the provider's, such as the page of a proxy.
    """
    try:
        return msgspec.convert(body, _Answer).error
    except msgspec.ValidationError:
        return None
