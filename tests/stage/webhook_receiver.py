"""A receiver of webhooks that keeps what it is told, and answers as a test wants."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DEADLINE_SECONDS = 20


@dataclass(frozen=True)
class Webhook:
    """One delivery, as it came."""

    body: bytes
    signature: str

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.body)
        return event


@dataclass
class Receiver:
    """`refusals` is how many deliveries are still to be answered with 503."""

    url: str = ""
    refusals: int = 0
    webhooks: list[Webhook] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, enough: Callable[[Sequence[Webhook]], bool]) -> list[Webhook]:
        """What was told, once that is enough."""
        with self.changed:
            assert self.changed.wait_for(lambda: enough(self.webhooks), DEADLINE_SECONDS), self.webhooks
            return list(self.webhooks)

    def about(self, payment_id: str, count: int) -> list[dict[str, Any]]:
        """The first `count` events about one payment, once they have come."""

        def told(webhooks: Sequence[Webhook]) -> list[dict[str, Any]]:
            return [webhook.event for webhook in webhooks if payment_id.encode() in webhook.body]

        return told(self.wait_for(lambda webhooks: len(told(webhooks)) >= count))

    def take(self, webhook: Webhook) -> int:
        """Keep it, and the status of the answer."""
        with self.changed:
            self.webhooks.append(webhook)
            self.changed.notify_all()
            self.refusals -= 1
            return 503 if self.refusals >= 0 else 204


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """A receiver that listens, on a free port unless told which."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(receiver.take(Webhook(body, self.headers["Stripe-Signature"])))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing: the receiver keeps all of it."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}/webhook"
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            serving.join()
