"""The desk before the bank: asks who calls, remembers answers by their key, and behaves as badly as it was told to."""

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
from payment_sandbox.courier import Courier
from payment_sandbox.methods import NO_METHOD, Method
from payment_sandbox.refusals import Refused
from payment_sandbox.store import Answer, Store

Caller = Request[Any, Any, Any]
Mode = Literal["unavailable", "busy", "slow", "lost"]


class Done(Struct, frozen=True):
    """What a step is answered with, and the method whose manners apply."""

    body: dict[str, Any]
    manners: Method = NO_METHOD


class Outage(Struct):
    """How the whole provider behaves until a moment of `time.monotonic()`."""

    mode: Mode | None = None
    until: float = 0.0

    def now(self) -> Mode | None:
        return self.mode if time.monotonic() < self.until else None


class LostAnswer(ASGIResponse):
    """The connection is closed before the answer is complete."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})


class Desk:
    def __init__(self, store: Store, courier: Courier, *, api_key: str, slow_seconds: float) -> None:
        self._store = store
        self._courier = courier
        self._api_key = api_key.encode()
        self._slow_seconds = slow_seconds
        self._under_way: set[str] = set()
        self.outage = Outage()

    def admit(self, request: Caller) -> None:
        """Raises Refused."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not hmac.compare_digest(token.encode(), self._api_key):
            raise refusals.unauthorised()

    def wake(self) -> None:
        """Have the webhooks delivered that a step has queued."""
        self._courier.wake()

    async def serve(self, request: Caller, step: Callable[[], Done]) -> ASGIResponse:
        """Take a step of Stripe's API, once for its key. Raises Refused."""
        mode = self.outage.now()
        if mode == "unavailable":
            raise refusals.unavailable()
        if mode == "busy":
            raise refusals.busy()
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        if key is None:
            return await self._answer(*self._take(None, b"", step), mode)
        if key in self._under_way:
            raise refusals.key_in_use()
        self._under_way.add(key)
        try:
            return await self._remember(key, await _fingerprint(request), step, mode)
        finally:
            self._under_way.remove(key)

    async def _remember(
        self, key: str, fingerprint: bytes, step: Callable[[], Done], mode: Mode | None
    ) -> ASGIResponse:
        """Raises Refused."""
        known = self._store.answer(key)
        if known is None:
            return await self._answer(*self._take(key, fingerprint, step), mode)
        if known.fingerprint != fingerprint:
            raise refusals.key_reused()
        return await self._answer(known, NO_METHOD, mode, {"Idempotent-Replayed": "true"})

    def _take(self, key: str | None, fingerprint: bytes, step: Callable[[], Done]) -> tuple[Answer, Method]:
        """Take the step and keep its answer, in one transaction. Raises Refused for what is not remembered."""
        with self._store.transaction():
            try:
                done = step()
                answer = Answer(fingerprint, 200, msgspec.json.encode(done.body))
            except Refused as refused:
                if not refused.is_remembered:
                    raise
                done = Done(refused.body)
                answer = Answer(fingerprint, refused.status, msgspec.json.encode(refused.body))
            if key is not None:
                self._store.keep_answer(key, answer)
        self.wake()
        return answer, done.manners

    async def _answer(
        self, answer: Answer, manners: Method, mode: Mode | None, headers: dict[str, str] | None = None
    ) -> ASGIResponse:
        if mode == "lost" or manners.answers == "LOST":
            return LostAnswer()
        if mode == "slow" or manners.answers == "SLOWLY":
            await asyncio.sleep(self._slow_seconds)
        return ASGIResponse(body=answer.body, status_code=answer.status, headers=headers, media_type="application/json")


async def _fingerprint(request: Caller) -> bytes:
    digest = blake2b(request.scope["path"].encode(), digest_size=16)
    digest.update(await request.body())
    return digest.digest()
