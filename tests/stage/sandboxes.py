"""The payment sandbox as a process, and calls that act as the customer and the provider."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from infra_local import probes
from infra_local.ports import free_port
from infra_local.running import RunningServer
from infra_local.servers import Server

API_KEY = "local-sandbox-key"
WEBHOOK_SECRET = "local-webhook-secret"


class Sandbox:
    """A running sandbox; tests may kill `process` and start it again."""

    def __init__(self, process: RunningServer) -> None:
        self.process = process
        self.url = process.url
        self.client = httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {API_KEY}"}, timeout=30)

    def authenticate(self, payment_id: str, outcome: str) -> None:
        """Finish the customer's authentication as `succeeded` or `failed`."""
        self._post(f"payment_intents/{payment_id}/authenticate", outcome=outcome)

    def decide(self, payment_id: str, outcome: str) -> None:
        """Decide a payment that is processing: `authorised`, `captured` or `declined`."""
        self._post(f"payment_intents/{payment_id}/decide", outcome=outcome)

    def pay(self, payment_id: str, client_secret: str, method: str) -> httpx.Response:
        """Pay as the customer: with the client secret, without the API key."""
        form = {"client_secret": client_secret, "payment_method": method}
        return httpx.post(f"{self.url}/v1/payment_intents/{payment_id}/confirm", data=form)

    def refund(self, payment_id: str, amount: int | None = None) -> None:
        """Refund as the provider's staff; all that was captured, unless `amount` says less."""
        self._post(f"payment_intents/{payment_id}/refund", amount=amount)

    def dispute(self, payment_id: str) -> None:
        self._post(f"payment_intents/{payment_id}/dispute")

    def recover(self, payment_id: str) -> None:
        """End the outage of one payment."""
        self._post(f"payment_intents/{payment_id}/recover")

    def misbehave(self, mode: str | None, seconds: float = 600) -> None:
        """Start an outage: `unavailable`, `busy`, `slow` or `lost` (answers); None ends it."""
        self._post("outage", mode=mode, seconds=seconds)

    @contextmanager
    def misbehaving(self, mode: str) -> Iterator[None]:
        """An outage that ends with the block."""
        self.misbehave(mode)
        try:
            yield
        finally:
            self.misbehave(None)

    def books(self) -> dict[str, Any]:
        """Return the totals of all payments, and each payment."""
        books: dict[str, Any] = self.client.get("/sandbox/books").raise_for_status().json()
        return books

    def entry(self, payment_id: str) -> dict[str, Any]:
        """Return the books' entry of one payment."""
        entries: list[dict[str, Any]] = self.books()["payment_intents"]
        [entry] = [entry for entry in entries if entry["id"] == payment_id]
        return entry

    def refunds(self, payment_id: str) -> list[dict[str, Any]]:
        """Return the refunds of one payment."""
        wanted = {"payment_intent": payment_id, "limit": "100"}
        listed = self.client.get("/v1/refunds", params=wanted).raise_for_status().json()
        refunds: list[dict[str, Any]] = listed["data"]
        return refunds

    def _post(self, path: str, **body: object) -> None:
        self.client.post(f"/sandbox/{path}", json=body).raise_for_status()


def describe(directory: Path, **variables: str) -> Server:
    """A sandbox that stores its books in `directory`; `variables` add to its environment."""
    port = free_port("sandbox")
    environment = {"PROFILE": "local", "DATA_DIR": str(directory), "HTTP_HOST": "127.0.0.1", "HTTP_PORT": str(port)}
    return Server(
        name="sandbox",
        directory=directory,
        ports={"http": port},
        url=f"http://127.0.0.1:{port}",
        argv=[sys.executable, "-m", "payment_sandbox.app"],
        environment={**environment, **variables},
        ready=partial(probes.http_answers, port, "/health/ready"),
    )


@contextmanager
def serving(**variables: str) -> Iterator[Sandbox]:
    """A sandbox with empty books, which is killed at the end if it still runs."""
    directory = Path(tempfile.mkdtemp(prefix="ticketing-"))
    sandbox = Sandbox(RunningServer(describe(directory, **variables)))
    try:
        sandbox.process.start()
        yield sandbox
    finally:
        sandbox.client.close()
        sandbox.process.kill()
        shutil.rmtree(directory)
