"""Carries the calls to Stripe with its own library; installed with `purchase[stripe]`."""

import logging
from collections.abc import Mapping

import httpx
import stripe
from stripe import HTTPXClient, StripeClient

from purchase.providers import failures

API_VERSION = "2026-10-28.endive"
"""The one that this code was written for; a newer library does not change it."""

# What it tells of a call it may tell with its key, and a key names the hold, which is its bearer's secret.
logging.getLogger("stripe").setLevel(logging.WARNING)

TIMEOUT = httpx.Timeout(10.0, connect=2.0)


class StripeApi:
    """`url` is for tests: another address than Stripe's own."""

    def __init__(self, api_key: str, url: str | None = None) -> None:
        self._http = HTTPXClient(timeout=TIMEOUT)
        self._client = StripeClient(
            api_key,
            stripe_version=API_VERSION,
            base_addresses={"api": url} if url else {},
            # Whether and when a step is repeated is decided by those who know its key.
            max_network_retries=0,
            http_client=self._http,
        )

    async def call(self, method: str, path: str, form: Mapping[str, str], key: str | None = None) -> object:
        """The answer, decoded. Raises Refused, ProviderAway, ProviderSilent."""
        options = {} if key is None else {"idempotency_key": key}
        try:
            response = await self._client.raw_request_async(method.lower(), path, **form, **options)
        except stripe.APIConnectionError as error:
            raise failures.of_connection(error.__cause__) from None
        except stripe.StripeError as error:
            # Without the error itself: it carries the whole answer, and with that the payment's client secret.
            raise failures.of_answer(error.http_status or 0, error.json_body) from None
        except (AttributeError, ValueError) as error:  # over an answer that is not Stripe's it trips
            raise failures.of_connection(error) from None
        return response.data

    async def aclose(self) -> None:
        await self._http.close_async()  # type: ignore[no-untyped-call]
