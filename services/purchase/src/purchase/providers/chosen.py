"""The payment provider that the settings name."""

from purchase.providers import Authorisation, InvalidSignature, Notification, Payment, Provider, ProviderAway
from purchase.providers.guarded import Guarded
from purchase.providers.intents import Api, Intents
from purchase.providers.sandbox import SandboxApi
from purchase.providers.signatures import Signatures
from purchase.settings import Settings


def connect(settings: Settings) -> Provider:
    """Return the provider that the settings name; it connects at its first call."""
    if settings.payment_provider == "none":
        return Nobody()
    return Guarded(Intents(settings.payment_provider, _api(settings), Signatures(settings.webhook_secrets)))


class Nobody:
    """The absence of a provider: every call raises ProviderAway."""

    name = "none"

    async def authorise(self, wanted: Authorisation) -> Payment:  # noqa: ARG002 - the protocol's
        raise ProviderAway("no payment provider is set")

    async def retrieve(self, payment_id: str) -> Payment:  # noqa: ARG002 - the protocol's
        raise ProviderAway("no payment provider is set")

    async def capture(self, payment_id: str, key: str) -> Payment:  # noqa: ARG002 - the protocol's
        raise ProviderAway("no payment provider is set")

    async def void(self, payment_id: str, key: str) -> Payment:  # noqa: ARG002 - the protocol's
        raise ProviderAway("no payment provider is set")

    async def refund(self, payment_id: str, amount_cents: int, key: str) -> None:  # noqa: ARG002 - the protocol's
        raise ProviderAway("no payment provider is set")

    def verify_webhook(self, body: bytes, signature: str) -> Notification:  # noqa: ARG002 - the protocol's
        raise InvalidSignature("no payment provider is set")

    async def aclose(self) -> None:
        """Nothing was opened."""


def _api(settings: Settings) -> Api:
    if settings.payment_provider == "stripe":
        # Imported here, so that its library is needed only where it is chosen.
        from purchase.providers.stripe import StripeApi

        return StripeApi(settings.stripe_api_key, settings.stripe_url)
    return SandboxApi(settings.sandbox_url, settings.sandbox_api_key)
