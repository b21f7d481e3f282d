"""Delivers webhooks, signed like Stripe's, until they are accepted or the attempts run out."""

import asyncio
import hmac
import logging
import time
from collections.abc import Sequence
from hashlib import sha256
from itertools import groupby
from operator import attrgetter

import httpx

from payment_sandbox.store import Delivery, Store

BATCH = 64
ANSWER_SECONDS = 5.0
PAUSE_SECONDS = (0.5, 30.0)
"""The pause after the first failure, and the longest one; it doubles with each failure."""

ATTEMPTS = 40
_NS = 1_000_000_000

log = logging.getLogger(__name__)


class WebhookSender:
    """A sender of webhooks: in sequence for one payment, in parallel for different payments."""

    def __init__(self, store: Store, *, url: str | None, secret: str) -> None:
        self._store = store
        self._url = url
        self._secret = secret.encode()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Check for new webhooks now."""
        self._woken.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        if self._url is None:
            return
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS) as client:
            while True:
                self._woken.clear()
                waiting = self._store.due(time.time_ns(), BATCH)
                if waiting:
                    await self._deliver(client, self._url, waiting)
                else:
                    await self._wait_for_work()

    async def _wait_for_work(self) -> None:
        """Wait until the next webhook is due, or one is queued."""
        due = self._store.next_due()
        try:
            async with asyncio.timeout(None if due is None else max(0.0, (due - time.time_ns()) / _NS)):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _deliver(self, client: httpx.AsyncClient, url: str, waiting: Sequence[Delivery]) -> None:
        by_payment = groupby(sorted(waiting, key=attrgetter("intent")), key=attrgetter("intent"))
        queues = [list(group) for _, group in by_payment]
        outcomes = await asyncio.gather(*(self._send_all(client, url, queue) for queue in queues))
        accepted = [delivery for outcome in outcomes for delivery, is_accepted in outcome if is_accepted]
        failed = [delivery for outcome in outcomes for delivery, is_accepted in outcome if not is_accepted]
        self._store.finish_deliveries(
            [delivery.number for delivery in accepted], [(delivery.number, _next_due(delivery)) for delivery in failed]
        )

    async def _send_all(
        self, client: httpx.AsyncClient, url: str, queue: Sequence[Delivery]
    ) -> list[tuple[Delivery, bool]]:
        return [(delivery, await self._send(client, url, delivery.body)) for delivery in queue]

    async def _send(self, client: httpx.AsyncClient, url: str, body: bytes) -> bool:
        """Send one webhook and return whether it was accepted: answered with any 2xx."""
        headers = {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": sign(body, self._secret)}
        try:
            return (await client.post(url, content=body, headers=headers)).is_success
        except httpx.HTTPError as error:
            log.info("webhook delivery failed: %s", type(error).__name__)
            return False


def sign(body: bytes, secret: bytes) -> str:
    """Sign as in Stripe's header: `t=<seconds since 1970>,v1=<HMAC-SHA256 of "t.body">`."""
    moment = int(time.time())
    digest = hmac.new(secret, b"%d.%s" % (moment, body), sha256).hexdigest()
    return f"t={moment},v1={digest}"


def _next_due(delivery: Delivery) -> int | None:
    if delivery.tries + 1 >= ATTEMPTS:
        log.warning("webhook given up after %d attempts", ATTEMPTS)
        return None
    first, longest = PAUSE_SECONDS
    return time.time_ns() + int(min(longest, first * 2**delivery.tries) * _NS)
