"""A wrong variable stops the sandbox and is named; only the local profile has default secrets."""

import pytest
from payment_sandbox.settings import Settings

SECRETS = {"API_KEY": "an-api-key", "WEBHOOK_SECRET": "a-webhook-secret"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PROFILE", "staging"),
        ("HTTP_PORT", "0"),
        ("WEBHOOK_URL", "purchase:8000"),
        ("API_KEY", "short"),
        ("WEBHOOK_SECRET", "short"),
        ("SLOW_SECONDS", "long"),
        ("LATE_SECONDS", "-1"),
    ],
)
def test_a_wrong_variable_is_named(name: str, text: str) -> None:
    with pytest.raises(SystemExit, match=name):
        Settings.read({**SECRETS, name: text})


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_required_outside_the_local_profile(name: str) -> None:
    with pytest.raises(SystemExit, match=name):
        Settings.read({secret: text for secret, text in SECRETS.items() if secret != name})


def test_the_local_secrets_equal_those_of_purchase() -> None:
    settings = Settings.read({"PROFILE": "local"})
    assert (settings.api_key, settings.webhook_secret) == ("local-sandbox-key", "local-webhook-secret")


def test_an_empty_variable_counts_as_absent() -> None:
    assert Settings.read({**SECRETS, "WEBHOOK_URL": "", "DATA_DIR": ""}) == Settings.read(SECRETS)
