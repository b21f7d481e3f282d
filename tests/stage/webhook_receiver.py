"""A receiver of webhooks that stores each delivery, and answers as a test wants."""

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
    """One delivery, unchanged."""

    body: bytes
    signature: str

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.body)
        return event


@dataclass
class Receiver:
    """A receiver that answers the next `refusals` deliveries with 503."""

    url: str = ""
    refusals: int = 0
    webhooks: list[Webhook] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, enough: Callable[[Sequence[Webhook]], bool]) -> list[Webhook]:
        """Wait until `enough` accepts the deliveries, and return them."""
        with self.changed:
            assert self.changed.wait_for(lambda: enough(self.webhooks), DEADLINE_SECONDS), self.webhooks
            return list(self.webhooks)

    def events_of(self, payment_id: str, count: int) -> list[dict[str, Any]]:
        """Wait for `count` events of one payment, and return all of them."""

        def events(webhooks: Sequence[Webhook]) -> list[dict[str, Any]]:
            return [webhook.event for webhook in webhooks if payment_id.encode() in webhook.body]

        return events(self.wait_for(lambda webhooks: len(events(webhooks)) >= count))

    def receive(self, webhook: Webhook) -> int:
        """Store the delivery, and return the status of the answer."""
        with self.changed:
            self.webhooks.append(webhook)
            self.changed.notify_all()
            self.refusals -= 1
            return 503 if self.refusals >= 0 else 204


@contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """A receiver that listens, on a free port unless `port` names one."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(receiver.receive(Webhook(body, self.headers["Stripe-Signature"])))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing, because the receiver stores every delivery."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}/webhook"
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            serving.join()
