"""The guard bounds every wait for a provider that is slow or unavailable."""

import asyncio
from collections import Counter

import pytest
from purchase.providers import Declined, ProviderAway, ProviderSilent, Status, deadline
from purchase.providers.guarded import Guarded

from tests.stage.provider_clients import client, new_authorisation
from tests.stage.sandboxes import Sandbox
from tests.stage.scripted_server import answering, saying

DEADLINE_SECONDS = 10
RETRIEVED = b'{"id":"pi_1","status":"requires_capture","amount":100,"currency":"usd"}'


class Clock:
    """The circuit's clock, which stands still until a test moves it."""

    def __init__(self) -> None:
        self.seconds = 0.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    own = Clock()
    monkeypatch.setattr("circuitbreaker.monotonic", lambda: own.seconds)
    return own


class Gate:
    """A provider that answers when the test lets it; it counts its calls and their concurrency."""

    def __init__(self) -> None:
        self.is_open = asyncio.Event()
        self.is_reached = asyncio.Event()
        self.calls = 0
        self.at_once = 0
        self.most_at_once = 0

    async def answer(self, writer: asyncio.StreamWriter) -> None:
        self.calls += 1
        self.is_reached.set()
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.is_open.wait()
        self.at_once -= 1
        await saying(200, RETRIEVED)(writer)


async def test_answers_and_errors_of_the_provider_pass_the_guard(sandbox: Sandbox) -> None:
    async with client("sandbox", sandbox.url) as provider:
        guarded = Guarded(provider)
        payment = await guarded.authorise(new_authorisation())
        assert (await guarded.capture(payment.id, f"{payment.id}:capture")).status is Status.CAPTURED
        await guarded.refund(payment.id, 100, f"{payment.id}:refund")
        assert (await guarded.retrieve(payment.id)).refunded_cents == 100
        assert (await guarded.void(payment.id, f"{payment.id}:void")).status is Status.CAPTURED
        assert guarded.name == "sandbox"


async def test_a_provider_that_does_not_answer_in_time_is_silent() -> None:
    gate = Gate()
    async with answering(gate.answer) as url, client("sandbox", url) as provider:
        with pytest.raises(ProviderSilent):
            await Guarded(provider, answer_seconds=0.1).retrieve("pi_1")
        gate.is_open.set()


async def test_the_calls_of_a_command_share_its_deadline() -> None:
    gate = Gate()
    async with answering(gate.answer) as url, client("sandbox", url) as provider:
        guarded = Guarded(provider)
        with deadline.shared(0.2):
            with pytest.raises(ProviderSilent):
                await guarded.retrieve("pi_1")
            with pytest.raises(ProviderAway):
                await guarded.retrieve("pi_1")
        assert gate.calls == 1
        gate.is_open.set()
        assert (await guarded.retrieve("pi_1")).status is Status.AUTHORISED


async def test_a_call_waits_for_its_turn_until_the_deadline_of_its_command() -> None:
    gate = Gate()
    async with answering(gate.answer) as url, client("sandbox", url) as provider:
        guarded = Guarded(provider, calls_max=1, wait_seconds=30)
        under_way = asyncio.create_task(guarded.retrieve("pi_1"))
        async with asyncio.timeout(DEADLINE_SECONDS):
            await gate.is_reached.wait()
            with deadline.shared(0.2), pytest.raises(ProviderAway):
                await guarded.retrieve("pi_1")
        gate.is_open.set()
        await under_way


async def test_calls_beyond_the_limit_wait_for_their_turn_and_then_fail() -> None:
    gate = Gate()
    async with answering(gate.answer) as url, client("sandbox", url) as provider:
        guarded = Guarded(provider, calls_max=3, wait_seconds=0.2)
        calls = [asyncio.create_task(guarded.retrieve("pi_1")) for _ in range(10)]
        done, under_way = await asyncio.wait(calls, timeout=5, return_when=asyncio.FIRST_EXCEPTION)
        done |= (await asyncio.wait(under_way, timeout=1))[0]
        assert [type(call.exception()) for call in done] == [ProviderAway] * 7
        gate.is_open.set()
        for call in under_way - done:
            assert (await call).status is Status.AUTHORISED
    assert (gate.calls, gate.most_at_once) == (3, 3)


async def test_a_waiting_call_gets_the_turn_of_one_that_ends() -> None:
    gate = Gate()
    async with answering(gate.answer) as url, client("sandbox", url) as provider:
        guarded = Guarded(provider, calls_max=1, wait_seconds=30)
        calls = [asyncio.create_task(guarded.retrieve("pi_1")) for _ in range(3)]
        gate.is_open.set()
        assert [(await call).status for call in calls] == [Status.AUTHORISED] * 3
    assert (gate.calls, gate.most_at_once) == (3, 1)


async def test_after_many_failures_the_circuit_is_open_for_a_while(sandbox: Sandbox, clock: Clock) -> None:
    async with client("sandbox", sandbox.url) as provider:
        guarded = Guarded(provider, failures_max=3, open_seconds=60)
        sandbox.misbehave("unavailable")
        for _ in range(3):
            with pytest.raises(ProviderSilent):
                await guarded.retrieve("pi_1")
        sandbox.misbehave(None)
        authorisation = new_authorisation()
        with pytest.raises(ProviderAway):
            await guarded.authorise(authorisation)
        assert all(
            entry["metadata"]["hold"] != str(authorisation.hold_id) for entry in sandbox.books()["payment_intents"]
        )
        clock.seconds += 60
        assert (await guarded.authorise(new_authorisation())).status is Status.AUTHORISED


async def test_a_failed_trial_call_opens_the_circuit_again(sandbox: Sandbox, clock: Clock) -> None:
    async with client("sandbox", sandbox.url) as provider:
        guarded = Guarded(provider, failures_max=2, open_seconds=60)
        with sandbox.misbehaving("unavailable"):
            with pytest.raises(ProviderSilent):
                await guarded.retrieve("pi_1")
            for _ in range(3):
                with pytest.raises(ProviderSilent):
                    await guarded.retrieve("pi_1")
                clock.seconds += 59
                with pytest.raises(ProviderAway):
                    await guarded.retrieve("pi_1")
                clock.seconds += 1


async def test_during_the_trial_call_all_others_fail_at_once(clock: Clock) -> None:
    gate = Gate()
    async with answering(gate.answer) as url, client("sandbox", url) as provider:
        guarded = Guarded(provider, failures_max=1, open_seconds=60, answer_seconds=0.2)
        with pytest.raises(ProviderSilent):
            await guarded.retrieve("pi_1")
        clock.seconds += 60
        crowd = await asyncio.gather(*(guarded.retrieve("pi_1") for _ in range(10)), return_exceptions=True)
        assert Counter(map(type, crowd)) == {ProviderSilent: 1, ProviderAway: 9}
        assert gate.calls == 2
        gate.is_open.set()


async def test_declines_are_no_failures(sandbox: Sandbox) -> None:
    async with client("sandbox", sandbox.url) as provider:
        guarded = Guarded(provider, failures_max=2, open_seconds=60)
        for _ in range(5):
            with pytest.raises(Declined):
                await guarded.authorise(new_authorisation("pm_card_visa_chargeDeclined"))
        assert (await guarded.authorise(new_authorisation())).status is Status.AUTHORISED
