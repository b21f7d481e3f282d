"""Notifications in the form of the payment provider, with its signature."""

import hmac
import json
import time
import uuid
from hashlib import sha256

SECRET = "a-secret-of-tests"


def event(event_type: str, *, event_id: str | None = None, **about: object) -> bytes:
    """Return the body of a notification about this object, with a new id unless one is given."""
    notification = {"id": event_id or f"evt_{uuid.uuid4().hex}", "type": event_type, "data": {"object": about}}
    return json.dumps(notification).encode()


def of_payment(event_type: str, payment_id: str, hold_id: object, *, event_id: str | None = None) -> bytes:
    """Return the body of a notification about a payment for a hold."""
    return event(event_type, event_id=event_id, id=payment_id, metadata={"hold": str(hold_id), "attempt": "1"})


def sign(body: bytes, secret: str = SECRET, *, age_seconds: int = 0) -> str:
    """Return the signature header of a body."""
    moment = int(time.time()) - age_seconds
    return f"t={moment},v1={hmac.new(secret.encode(), b'%d.%s' % (moment, body), sha256).hexdigest()}"
