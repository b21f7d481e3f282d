"""The HTTP client of the payment sandbox (`infra/sandbox`)."""

from collections.abc import Mapping

import httpx
import msgspec

from purchase.providers import failures

TIMEOUT = httpx.Timeout(10.0, connect=2.0)


class SandboxApi:
    def __init__(self, url: str, api_key: str) -> None:
        headers = {"Authorization": f"Bearer {api_key}"}
        self._client = httpx.AsyncClient(base_url=url, headers=headers, timeout=TIMEOUT)

    async def call(self, method: str, path: str, form: Mapping[str, str], key: str | None = None) -> object:
        """Return the decoded answer. Raises Refused, ProviderAway, ProviderSilent."""
        carried = {"params": form} if method == "GET" else {"data": form}
        headers = {} if key is None else {"Idempotency-Key": key}
        try:
            response = await self._client.request(method, path, headers=headers, **carried)  # type: ignore[arg-type]
        except httpx.TransportError as error:
            raise failures.of_connection(error) from None
        body = _decode(response.content)
        if response.is_success and body is not None:
            return body
        raise failures.of_answer(response.status_code, body)

    async def aclose(self) -> None:
        await self._client.aclose()


def _decode(content: bytes) -> object:
    """Decode JSON; None for anything else."""
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
