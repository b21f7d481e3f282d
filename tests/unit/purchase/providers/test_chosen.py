"""The settings choose the payment provider."""

import subprocess
import sys
from uuid import UUID

import pytest
from purchase.providers import Authorisation, InvalidSignature, ProviderAway
from purchase.providers.chosen import connect
from purchase.settings import Settings

SECRETS = {
    "ADMIN_TOKENS": "an-admin-token",
    "RECEIPT_KEYS": "a-receipt-key",
    "SANDBOX_API_KEY": "a-sandbox-key",
    "STRIPE_API_KEY": "a-stripe-key",
    "WEBHOOK_SECRETS": "a-webhook-secret",
}
STRIPE_IS_LOADED = """
import sys
from purchase.providers.chosen import connect
from purchase.settings import Settings
connect(Settings.read())
print("stripe" in sys.modules)
"""


@pytest.mark.parametrize("name", ["none", "sandbox", "stripe"])
async def test_a_provider_is_chosen_by_its_name(name: str) -> None:
    provider = connect(Settings.read({**SECRETS, "PAYMENT_PROVIDER": name}))
    assert provider.name == name
    await provider.aclose()


async def test_without_a_provider_every_call_is_refused_as_unavailable() -> None:
    provider = connect(Settings.read({**SECRETS, "PAYMENT_PROVIDER": "none"}))
    wanted = Authorisation(hold_id=UUID(int=1), attempt=1, amount_cents=100, currency="USD", method=None)
    for step in (
        provider.authorise(wanted),
        provider.retrieve("pi_1"),
        provider.capture("pi_1", "a-key"),
        provider.void("pi_1", "a-key"),
        provider.refund("pi_1", 100, "a-key"),
    ):
        with pytest.raises(ProviderAway):
            await step
    with pytest.raises(InvalidSignature):
        provider.verify_webhook(b"{}", "t=1,v1=0")


@pytest.mark.parametrize(("name", "loaded"), [("none", "False"), ("sandbox", "False"), ("stripe", "True")])
def test_the_library_of_stripe_is_loaded_only_where_stripe_is_chosen(name: str, loaded: str) -> None:
    environment = {**SECRETS, "PAYMENT_PROVIDER": name}
    command = [sys.executable, "-c", STRIPE_IS_LOADED]
    assert subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout == f"{loaded}\n"
