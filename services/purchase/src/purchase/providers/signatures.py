"""Notifications: whether the provider signed them, and what they say.

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
_MOMENT = re.compile("[0-9]{1,12}", re.ASCII)


class Signatures:
    """Knows the secrets of one endpoint; several, so that they can be rotated."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = [secret.encode() for secret in secrets]

    def read(self, body: bytes, header: str) -> Notification:
        """What was signed, lately, with one of the secrets. Raises InvalidSignature."""
        moment, given = _split(header)
        if abs(time.time() - int(moment)) > TOLERANCE_SECONDS:
            raise InvalidSignature("it was not signed lately")
        signed = b"%s.%s" % (moment.encode(), body)
        right = [hmac.new(secret, signed, sha256).hexdigest().encode() for secret in self._secrets]
        fits = [hmac.compare_digest(one, other) for one in right for other in given]
        if not any(fits):
            raise InvalidSignature("no secret of ours has signed it")
        return _notification(body)


class _About(Struct, frozen=True):
    """What an event is about: a payment intent, or what names one."""

    id: str | None = None
    payment_intent: Any = None
    metadata: dict[str, Any] | None = None


class _Data(Struct, frozen=True):
    object: _About


class _Event(Struct, frozen=True):
    id: str
    type: str
    data: _Data


def read_hold(metadata: dict[str, Any] | None) -> UUID | None:
    """The hold that a payment's metadata name; None where they name none of ours."""
    try:
        return UUID((metadata or {})["hold"])
    except (KeyError, ValueError, AttributeError, TypeError):
        return None


def _split(header: str) -> tuple[str, list[bytes]]:
    """Moment and signatures of `t=…,v1=…[,v1=…]`. Raises InvalidSignature."""
    pairs = [part.strip().partition("=") for part in header.split(",")]
    moments = [text for name, _, text in pairs if name == "t" and _MOMENT.fullmatch(text)]
    if len(moments) != 1:
        raise InvalidSignature("the header is malformed")
    return moments[0], [text.encode() for name, _, text in pairs if name == "v1"]


def _notification(body: bytes) -> Notification:
    """Raises InvalidSignature for what is signed and yet no event."""
    try:
        event = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidSignature("it is signed, and no event") from None
    about = event.data.object
    kind = _kind(event.type, about)
    payment_id = about.id if kind == "payment" else about.payment_intent
    return Notification(
        id=event.id,
        type=event.type,
        kind=kind,
        payment_id=payment_id if isinstance(payment_id, str) else None,
        hold_id=read_hold(about.metadata),
    )


def _kind(event_type: str, about: _About) -> Literal["payment", "refund", "dispute", "other"]:
    """That a payment was made, or a refund of ours, which names its key, is no news."""
    is_ours = "key" in (about.metadata or {})
    if event_type.startswith("payment_intent.") and event_type != "payment_intent.created":
        return "payment"
    if event_type == "refund.failed" or (event_type == "refund.created" and not is_ours):
        return "refund"
    return "dispute" if event_type.startswith("charge.dispute.") else "other"


_decoder = msgspec.json.Decoder(_Event)
