"""Verifies the signatures of notifications, and decodes them.

https://docs.stripe.com/webhooks#verify-manually
"""

import hmac
import re
import time
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from purchase.providers import InvalidSignature, Notification

TOLERANCE_SECONDS = 300
_TIMESTAMP = re.compile("[0-9]{1,12}", re.ASCII)


class Signatures:
    """The secrets of one endpoint; several, so that they can be rotated."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = [secret.encode() for secret in secrets]

    def read(self, body: bytes, header: str) -> Notification:
        """Decode a notification that one of the secrets has signed within five minutes.

        Raises InvalidSignature.
        """
        timestamp, signatures = _split(header)
        if abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
            raise InvalidSignature("the timestamp is too old or in the future")
        signed = b"%s.%s" % (timestamp.encode(), body)
        expected = [hmac.new(secret, signed, sha256).hexdigest().encode() for secret in self._secrets]
        matches = [hmac.compare_digest(one, other) for one in expected for other in signatures]
        if not any(matches):
            raise InvalidSignature("it matches no secret")
        return _notification(body)


class _Object(Struct, frozen=True):
    """The object of an event: a payment intent, or one that names a payment intent."""

    id: str | None = None
    payment_intent: Any = None
    metadata: dict[str, Any] | None = None


class _Data(Struct, frozen=True):
    object: _Object


class _Event(Struct, frozen=True):
    id: str
    type: str
    data: _Data


def read_hold(metadata: dict[str, Any] | None) -> UUID | None:
    """Return the hold that a payment's metadata name; None where they name none."""
    try:
        return UUID((metadata or {})["hold"])
    except (KeyError, ValueError, AttributeError, TypeError):
        return None


def _split(header: str) -> tuple[str, list[bytes]]:
    """Return the timestamp and the signatures of `t=…,v1=…[,v1=…]`. Raises InvalidSignature."""
    pairs = [part.strip().partition("=") for part in header.split(",")]
    timestamps = [text for name, _, text in pairs if name == "t" and _TIMESTAMP.fullmatch(text)]
    if len(timestamps) != 1:
        raise InvalidSignature("the header is malformed")
    return timestamps[0], [text.encode() for name, _, text in pairs if name == "v1"]


def _notification(body: bytes) -> Notification:
    """Decode a signed body. Raises InvalidSignature when it is no event."""
    try:
        event = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidSignature("the signed body is no event") from None
    subject = event.data.object
    kind = _kind(event.type, subject)
    payment_id = subject.id if kind == "payment" else subject.payment_intent
    return Notification(
        id=event.id,
        type=event.type,
        kind=kind,
        payment_id=payment_id if isinstance(payment_id, str) else None,
        hold_id=read_hold(subject.metadata),
    )


def _kind(event_type: str, subject: _Object) -> Literal["payment", "refund", "dispute", "other"]:
    """Classify an event.

    Ignores `payment_intent.created` and refunds that carry our own key: we caused both.
    """
    is_ours = "key" in (subject.metadata or {})
    if event_type.startswith("payment_intent.") and event_type != "payment_intent.created":
        return "payment"
    if event_type == "refund.failed" or (event_type == "refund.created" and not is_ours):
        return "refund"
    return "dispute" if event_type.startswith("charge.dispute.") else "other"


_decoder = msgspec.json.Decoder(_Event)
