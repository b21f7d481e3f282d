"""Serves API calls: authentication, idempotency keys, and the outages that tests ask for."""

import asyncio
import hmac
import time
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Literal

import msgspec
from litestar import Request
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send
from msgspec import Struct

from payment_sandbox import refusals
from payment_sandbox.methods import NO_METHOD, Method
from payment_sandbox.refusals import Refused
from payment_sandbox.store import Answer, Store
from payment_sandbox.webhooks import WebhookSender

Caller = Request[Any, Any, Any]
Mode = Literal["unavailable", "busy", "slow", "lost"]


class Result(Struct, frozen=True):
    """The body that answers a step, and the payment method whose behaviour applies."""

    body: dict[str, Any]
    behaviour: Method = NO_METHOD


class Outage(Struct):
    """The behaviour of the whole provider until a moment of `time.monotonic()`."""

    mode: Mode | None = None
    until: float = 0.0

    def now(self) -> Mode | None:
        return self.mode if time.monotonic() < self.until else None


class LostAnswer(ASGIResponse):
    """An answer whose connection is closed before it is complete."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})


class Desk:
    """The way in for every call of Stripe's API."""

    def __init__(self, store: Store, webhooks: WebhookSender, *, api_key: str, slow_seconds: float) -> None:
        self._store = store
        self._webhooks = webhooks
        self._api_key = api_key.encode()
        self._slow_seconds = slow_seconds
        self._in_progress: set[str] = set()
        self.outage = Outage()

    def admit(self, request: Caller) -> None:
        """Check the API key. Raises Refused."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not hmac.compare_digest(token.encode(), self._api_key):
            raise refusals.unauthorised()

    def wake(self) -> None:
        """Start the delivery of webhooks that a step has queued."""
        self._webhooks.wake()

    async def serve(self, request: Caller, step: Callable[[], Result]) -> ASGIResponse:
        """Run a step of Stripe's API, once per Idempotency-Key. Raises Refused."""
        mode = self.outage.now()
        if mode == "unavailable":
            raise refusals.unavailable()
        if mode == "busy":
            raise refusals.busy()
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        if key is None:
            return await self._answer(*self._run(None, b"", step), mode)
        if key in self._in_progress:
            raise refusals.key_in_use()
        self._in_progress.add(key)
        try:
            return await self._serve_once(key, await _fingerprint(request), step, mode)
        finally:
            self._in_progress.remove(key)

    async def _serve_once(
        self, key: str, fingerprint: bytes, step: Callable[[], Result], mode: Mode | None
    ) -> ASGIResponse:
        """Replay the key's stored answer, or run the step if there is none. Raises Refused."""
        known = self._store.answer(key)
        if known is None:
            return await self._answer(*self._run(key, fingerprint, step), mode)
        if known.fingerprint != fingerprint:
            raise refusals.key_reused()
        return await self._answer(known, NO_METHOD, mode, {"Idempotent-Replayed": "true"})

    def _run(self, key: str | None, fingerprint: bytes, step: Callable[[], Result]) -> tuple[Answer, Method]:
        """Run the step and store its answer, in one transaction.

        Raises Refused if the refusal is not to be stored.
        """
        with self._store.transaction():
            try:
                result = step()
                answer = Answer(fingerprint, 200, msgspec.json.encode(result.body))
            except Refused as refused:
                if not refused.is_stored:
                    raise
                result = Result(refused.body)
                answer = Answer(fingerprint, refused.status, msgspec.json.encode(refused.body))
            if key is not None:
                self._store.save_answer(key, answer)
        self.wake()
        return answer, result.behaviour

    async def _answer(
        self, answer: Answer, behaviour: Method, mode: Mode | None, headers: dict[str, str] | None = None
    ) -> ASGIResponse:
        if mode == "lost" or behaviour.answers == "LOST":
            return LostAnswer()
        if mode == "slow" or behaviour.answers == "SLOWLY":
            await asyncio.sleep(self._slow_seconds)
        return ASGIResponse(body=answer.body, status_code=answer.status, headers=headers, media_type="application/json")


async def _fingerprint(request: Caller) -> bytes:
    digest = blake2b(request.scope["path"].encode(), digest_size=16)
    digest.update(await request.body())
    return digest.digest()
