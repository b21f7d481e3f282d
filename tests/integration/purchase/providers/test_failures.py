"""How a client classifies a provider that is unreachable, does not answer, or answers nonsense."""

import json
import logging

import pytest
from infra_local.ports import free_port
from purchase.providers import PaymentFailure, ProviderAway, ProviderSilent

from tests.stage import sandboxes
from tests.stage.provider_clients import CLIENTS, client, new_authorisation
from tests.stage.scripted_server import answering, hang_up, saying

PAGE = b"<html>Not Found</html>"
SECRET = "pi_1_secret_2"


@pytest.fixture(params=CLIENTS)
def name(request: pytest.FixtureRequest) -> str:
    """The name of each client."""
    name: str = request.param
    return name


@pytest.mark.parametrize("host", ["127.0.0.1", "nobody.invalid"])
async def test_an_unreachable_provider_is_away(name: str, host: str) -> None:
    async with client(name, f"http://{host}:{free_port('nobody')}") as provider:
        with pytest.raises(ProviderAway):
            await provider.authorise(new_authorisation())


async def test_no_log_names_a_hold_though_the_provider_does(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    authorisation = new_authorisation()
    error = {"type": "idempotency_error", "message": f"The key {authorisation.key} came with other parameters before."}
    async with answering(saying(400, json.dumps({"error": error}).encode())) as url, client(name, url) as provider:
        with pytest.raises(ProviderSilent):
            await provider.authorise(authorisation)

    assert str(authorisation.hold_id) not in caplog.text


async def test_a_provider_that_hangs_up_is_silent(name: str) -> None:
    async with answering(hang_up) as url, client(name, url) as provider:
        with pytest.raises(ProviderSilent):
            await provider.authorise(new_authorisation())


@pytest.mark.parametrize(
    ("status", "body", "failure"),
    [
        (500, b'{"error":{"type":"api_error"}}', ProviderSilent),
        (502, PAGE, ProviderSilent),
        (503, b"", ProviderSilent),
        (409, b'{"error":{"type":"idempotency_error","code":"idempotency_key_in_use"}}', ProviderSilent),
        (400, b'{"error":{"type":"idempotency_error"}}', ProviderSilent),
        (429, b'{"error":{"type":"invalid_request_error","code":"rate_limit"}}', ProviderAway),
        (403, b'{"error":{"type":"invalid_request_error"}}', ProviderAway),
        (404, PAGE, ProviderSilent),
        (400, PAGE, ProviderSilent),
        (402, b'{"error":"declined"}', ProviderSilent),
        (200, PAGE, ProviderSilent),
        (200, b"\xff", ProviderSilent),
        (200, b"[]", ProviderSilent),
        (200, b'{"id":"pi_1","status":"succeeded"}', ProviderSilent),
        (200, b'{"id":"pi_1","status":"pondering","amount":1,"currency":"usd"}', ProviderSilent),
        (302, b"", ProviderSilent),
    ],
)
async def test_an_answer_that_decides_nothing_leaves_the_outcome_unknown(
    name: str, status: int, body: bytes, failure: type[PaymentFailure]
) -> None:
    async with answering(saying(status, body)) as url, client(name, url) as provider:
        for step in (
            provider.authorise(new_authorisation()),
            provider.retrieve("pi_1"),
            provider.capture("pi_1", "a-key"),
        ):
            with pytest.raises(PaymentFailure) as failed:
                await step
            assert type(failed.value) is failure


@pytest.mark.starts_processes
async def test_a_rejected_api_key_is_logged_but_not_revealed(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with sandboxes.serving() as sandbox:
        async with client(name, sandbox.url, api_key="sk_not_the_key") as provider:
            with pytest.raises(ProviderAway):
                await provider.authorise(new_authorisation())
    assert "rejects this service's API key" in caplog.text
    assert "sk_not_the_key" not in caplog.text


async def test_an_error_does_not_reveal_a_client_secret(name: str, caplog: pytest.LogCaptureFixture) -> None:
    body = f'{{"error":{{"type":"api_error","payment_intent":{{"client_secret":"{SECRET}"}}}}}}'.encode()
    async with answering(saying(500, body)) as url, client(name, url) as provider:
        with pytest.raises(ProviderSilent) as failed:
            await provider.authorise(new_authorisation())
    seen: BaseException | None = failed.value
    while seen is not None:
        assert SECRET not in f"{seen!r} {seen}"
        seen = None if seen.__suppress_context__ else seen.__context__
    assert SECRET not in caplog.text
