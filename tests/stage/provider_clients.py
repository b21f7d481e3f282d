"""Each payment client of production, for a server at a given address."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from purchase.providers import Authorisation
from purchase.providers.intents import Api, Intents
from purchase.providers.sandbox import SandboxApi
from purchase.providers.signatures import Signatures
from purchase.providers.stripe import StripeApi
from purchase.store.ids import mint_id

from tests.stage.sandboxes import API_KEY, WEBHOOK_SECRET

CLIENTS = ["sandbox", "stripe"]


@asynccontextmanager
async def client(name: str, url: str, *, api_key: str = API_KEY) -> AsyncIterator[Intents]:
    """A client of a provider, without the guard."""
    api: Api = StripeApi(api_key, url) if name == "stripe" else SandboxApi(url, api_key)
    provider = Intents(name, api, Signatures([WEBHOOK_SECRET]))
    try:
        yield provider
    finally:
        await provider.aclose()


def new_authorisation(
    method: str | None = "pm_card_visa", *, amount_cents: int = 5_000, attempt: int = 1
) -> Authorisation:
    """An authorisation for a new hold."""
    return Authorisation(hold_id=mint_id(7), attempt=attempt, amount_cents=amount_cents, currency="USD", method=method)
