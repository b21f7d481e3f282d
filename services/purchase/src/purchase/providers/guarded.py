"""A circuit breaker and a concurrency limit around a provider: every wait for it is bounded."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

from circuitbreaker import STATE_HALF_OPEN, CircuitBreaker

from purchase import metrics
from purchase.providers import Authorisation, Notification, Payment, Provider, ProviderAway, ProviderSilent, deadline

T = TypeVar("T")


class Guarded:
    """A provider with at most `calls_max` concurrent calls, with timeouts and a circuit breaker.

    A call that waits longer than `wait_seconds` for its turn, or finds the circuit open, raises
    ProviderAway. A call without an answer within `answer_seconds` raises ProviderSilent. Neither
    waits beyond the command's deadline, if there is one.

    The circuit opens after `failures_max` failures in a row. After `open_seconds` one trial call is
    admitted, and closes the circuit when it succeeds. A declined or refused call is no failure.
    """

    def __init__(
        self,
        provider: Provider,
        *,
        calls_max: int = 32,
        wait_seconds: float = 1.0,
        answer_seconds: float = 10.0,
        failures_max: int = 5,
        open_seconds: float = 5.0,
    ) -> None:
        self._provider = provider
        self._turns = asyncio.Semaphore(calls_max)
        self._wait_seconds = wait_seconds
        self._answer_seconds = answer_seconds
        self._is_on_trial = False
        self._circuit = CircuitBreaker(
            failure_threshold=failures_max,
            recovery_timeout=open_seconds,
            # A caller that stops waiting has had no answer either.
            expected_exception=(ProviderAway, ProviderSilent, asyncio.CancelledError),
        )

    @property
    def name(self) -> str:
        return self._provider.name

    async def authorise(self, wanted: Authorisation) -> Payment:
        return await self._guard(lambda: self._provider.authorise(wanted))

    async def retrieve(self, payment_id: str) -> Payment:
        return await self._guard(lambda: self._provider.retrieve(payment_id))

    async def capture(self, payment_id: str, key: str) -> Payment:
        return await self._guard(lambda: self._provider.capture(payment_id, key))

    async def void(self, payment_id: str, key: str) -> Payment:
        return await self._guard(lambda: self._provider.void(payment_id, key))

    async def refund(self, payment_id: str, amount_cents: int, key: str) -> None:
        await self._guard(lambda: self._provider.refund(payment_id, amount_cents, key))

    def verify_webhook(self, body: bytes, signature: str) -> Notification:
        return self._provider.verify_webhook(body, signature)

    async def aclose(self) -> None:
        await self._provider.aclose()

    async def _guard(self, call: Callable[[], Awaitable[T]]) -> T:
        """Raises ProviderAway, ProviderSilent, and the errors of the call."""
        async with self._turn():
            if deadline.seconds_left() <= 0:
                raise ProviderAway("the deadline of the command is over")
            with self._admitted(), self._circuit:
                try:
                    return await self._answer(call)
                except (ProviderAway, ProviderSilent) as failure:
                    metrics.provider_failures.labels(type(failure).__name__).inc()
                    raise

    @contextmanager
    def _admitted(self) -> Iterator[None]:
        """Raises ProviderAway."""
        is_trial = self._circuit.state == STATE_HALF_OPEN
        if self._circuit.opened or (is_trial and self._is_on_trial):
            raise ProviderAway("the circuit is open")
        self._is_on_trial |= is_trial
        try:
            yield
        finally:
            if is_trial:
                self._is_on_trial = False

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Raises ProviderAway."""
        try:
            async with asyncio.timeout(min(self._wait_seconds, deadline.seconds_left())):
                await self._turns.acquire()
        except TimeoutError:
            raise ProviderAway("too many calls are under way") from None
        try:
            yield
        finally:
            self._turns.release()

    async def _answer(self, call: Callable[[], Awaitable[T]]) -> T:
        """Raises ProviderSilent."""
        seconds = min(self._answer_seconds, deadline.seconds_left())
        try:
            async with asyncio.timeout(seconds):
                return await call()
        except TimeoutError:
            raise ProviderSilent(f"no answer within {seconds:.1f} s") from None
