"""The HTTP client of Stripe, with its own library; installed with `purchase[stripe]`."""

import logging
from collections.abc import Mapping

import httpx
import stripe
from stripe import HTTPXClient, StripeClient

from purchase.providers import failures

API_VERSION = "2026-10-28.endive"
"""The version that this code was written for; a newer library does not change it."""

# Below WARNING the library may log idempotency keys, and a key contains the hold's id, a secret of
# its customer.
logging.getLogger("stripe").setLevel(logging.WARNING)

TIMEOUT = httpx.Timeout(10.0, connect=2.0)


class StripeApi:
    """The client; `url` is for tests and replaces Stripe's own address."""

    def __init__(self, api_key: str, url: str | None = None) -> None:
        self._http = HTTPXClient(timeout=TIMEOUT)
        self._client = StripeClient(
            api_key,
            stripe_version=API_VERSION,
            base_addresses={"api": url} if url else {},
            # Retries are up to the callers: they know the key of the step.
            max_network_retries=0,
            http_client=self._http,
        )

    async def call(self, method: str, path: str, form: Mapping[str, str], key: str | None = None) -> object:
        """Return the decoded answer. Raises Refused, ProviderAway, ProviderSilent."""
        options = {} if key is None else {"idempotency_key": key}
        try:
            response = await self._client.raw_request_async(method.lower(), path, **form, **options)
        except stripe.APIConnectionError as error:
            raise failures.of_connection(error.__cause__) from None
        except stripe.StripeError as error:
            # Without its cause: the error contains the whole answer, and so the payment's client
            # secret.
            raise failures.of_answer(error.http_status or 0, error.json_body) from None
        except (AttributeError, ValueError) as error:  # the library fails so on an answer that is not Stripe's
            raise failures.of_connection(error) from None
        return response.data

    async def aclose(self) -> None:
        await self._http.close_async()  # type: ignore[no-untyped-call]
