"""The payment sandbox as tests use it: a process of its own, and the calls by which they play customer and provider."""

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
    """A sandbox that runs; `process` may be killed and started again."""

    def __init__(self, process: RunningServer) -> None:
        self.process = process
        self.url = process.url
        self.client = httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {API_KEY}"}, timeout=30)

    def authenticate(self, payment_id: str, outcome: str) -> None:
        """The customer passes their bank's check (`succeeded`) or not (`failed`)."""
        self._tell(f"payment_intents/{payment_id}/authenticate", outcome=outcome)

    def decide(self, payment_id: str, outcome: str) -> None:
        """A payment that is processing is `authorised`, `captured` or `declined`."""
        self._tell(f"payment_intents/{payment_id}/decide", outcome=outcome)

    def pay(self, payment_id: str, client_secret: str, method: str) -> httpx.Response:
        """The customer pays with their client secret, without the API key."""
        form = {"client_secret": client_secret, "payment_method": method}
        return httpx.post(f"{self.url}/v1/payment_intents/{payment_id}/confirm", data=form)

    def refund(self, payment_id: str, amount: int | None = None) -> None:
        """The provider's staff refunds."""
        self._tell(f"payment_intents/{payment_id}/refund", amount=amount)

    def dispute(self, payment_id: str) -> None:
        self._tell(f"payment_intents/{payment_id}/dispute")

    def recover(self, payment_id: str) -> None:
        """End the outage of one payment."""
        self._tell(f"payment_intents/{payment_id}/recover")

    def misbehave(self, mode: str | None, seconds: float = 600) -> None:
        """Be `unavailable`, `busy`, `slow`, or lose answers (`lost`); None: be well."""
        self._tell("outage", mode=mode, seconds=seconds)

    @contextmanager
    def misbehaving(self, mode: str) -> Iterator[None]:
        """Be well again afterwards."""
        self.misbehave(mode)
        try:
            yield
        finally:
            self.misbehave(None)

    def books(self) -> dict[str, Any]:
        """What all payments come to, and each of them."""
        books: dict[str, Any] = self.client.get("/sandbox/books").raise_for_status().json()
        return books

    def entry(self, payment_id: str) -> dict[str, Any]:
        """What the books say of one payment."""
        [entry] = [entry for entry in self.books()["payment_intents"] if entry["id"] == payment_id]
        found: dict[str, Any] = entry
        return found

    def refunds(self, payment_id: str) -> list[dict[str, Any]]:
        """Each refund of one payment."""
        wanted = {"payment_intent": payment_id, "limit": "100"}
        listed = self.client.get("/v1/refunds", params=wanted).raise_for_status().json()
        found: list[dict[str, Any]] = listed["data"]
        return found

    def _tell(self, path: str, **body: object) -> None:
        self.client.post(f"/sandbox/{path}", json=body).raise_for_status()


def describe(directory: Path, **variables: str) -> Server:
    """A sandbox that keeps its books in `directory`; `variables` are what it is told beside the obvious."""
    port = free_port("sandbox")
    told = {"PROFILE": "local", "DATA_DIR": str(directory), "HTTP_HOST": "127.0.0.1", "HTTP_PORT": str(port)}
    return Server(
        name="sandbox",
        directory=directory,
        ports={"http": port},
        url=f"http://127.0.0.1:{port}",
        argv=[sys.executable, "-m", "payment_sandbox.app"],
        environment={**told, **variables},
        ready=partial(probes.http_answers, port, "/health/ready"),
    )


@contextmanager
def serving(**variables: str) -> Iterator[Sandbox]:
    """A sandbox with empty books; killed afterwards if it still runs."""
    directory = Path(tempfile.mkdtemp(prefix="ticketing-"))
    sandbox = Sandbox(RunningServer(describe(directory, **variables)))
    try:
        sandbox.process.start()
        yield sandbox
    finally:
        sandbox.client.close()
        sandbox.process.kill()
        shutil.rmtree(directory)
