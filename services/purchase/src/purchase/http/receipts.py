"""Receipts: signatures with which the holder of a ticket can cancel it."""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256
from uuid import UUID


class Receipts:
    """A signer and verifier of receipts: base64url(HMAC-SHA256(key, ticket id)), unpadded.

    The first key signs and all keys verify, so that keys can be rotated.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [key.encode() for key in keys]

    def sign(self, ticket_id: UUID) -> str:
        return _sign(self._keys[0], ticket_id)

    def verify(self, receipt: str, ticket_id: UUID) -> bool:
        """Compare with the signatures of all keys, each in constant time."""
        given = receipt.rstrip("=").encode()
        fits = [hmac.compare_digest(_sign(key, ticket_id).encode(), given) for key in self._keys]
        return any(fits)


def _sign(key: bytes, ticket_id: UUID) -> str:
    digest = hmac.digest(key, str(ticket_id).encode(), sha256)
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
