"""The sandbox's process: `python -m payment_sandbox.app`."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from litestar import Litestar, Response
from litestar.datastructures import State

from payment_sandbox import api, control
from payment_sandbox.desk import Caller, Desk
from payment_sandbox.payments import Payments
from payment_sandbox.process import configure_logging, serve
from payment_sandbox.refusals import Refused
from payment_sandbox.settings import Settings
from payment_sandbox.store import Store
from payment_sandbox.webhooks import WebhookSender

BODY_BYTES_MAX = 64 * 1024


def create_app(settings: Settings) -> Litestar:
    """Build the application on the data of earlier runs."""
    directory = Path(settings.data_dir)
    directory.mkdir(parents=True, exist_ok=True)
    store = Store(directory / "sandbox.sqlite3")
    webhooks = WebhookSender(store, url=settings.webhook_url, secret=settings.webhook_secret)

    @contextlib.asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        delivering = asyncio.create_task(webhooks.run())
        try:
            yield
        finally:
            delivering.cancel()
            await asyncio.gather(delivering, return_exceptions=True)
            store.close()

    return Litestar(
        route_handlers=[*api.handlers, *control.handlers],
        lifespan=[lifespan],
        state=State(
            {
                "store": store,
                "payments": Payments(store, late_seconds=settings.late_seconds),
                "desk": Desk(store, webhooks, api_key=settings.api_key, slow_seconds=settings.slow_seconds),
            }
        ),
        exception_handlers={Refused: _refuse},
        request_max_body_size=BODY_BYTES_MAX,
        logging_config=None,
        openapi_config=None,
    )


def _refuse(_: Caller, refused: Refused) -> Response[dict[str, Any]]:
    return Response(refused.body, status_code=refused.status)


def main() -> None:
    settings = Settings.read()
    configure_logging(settings.logging_config)
    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
