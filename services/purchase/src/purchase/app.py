"""The service: `python -m purchase.app` serves the commands."""

import asyncio
import contextlib
import json
import logging
import logging.config
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import uvicorn
from litestar import Litestar
from litestar.datastructures import State
from litestar.plugins.prometheus import PrometheusController

from purchase import api, health, hold_api, payment_api, webhook_api
from purchase.attention import Attention
from purchase.box_office import BoxOffice
from purchase.cancelling import is_cancelled
from purchase.cashier import Cashier
from purchase.catalog import Catalog
from purchase.clock import Clock
from purchase.definitions import Definitions
from purchase.documentation import assets, openapi
from purchase.hold_desk import HoldDesk
from purchase.hold_ledger import HoldLedger
from purchase.inventory import Inventory
from purchase.outbox import Outbox, OutcomeUnknown, Unavailable, connect
from purchase.payment_ledger import PaymentLedger
from purchase.payment_steps import PaymentSteps
from purchase.payments.providers import connect as connect_provider
from purchase.problems import plugin
from purchase.receipts import Receipts
from purchase.refunds import Refunds
from purchase.services import AdminTokens, Services
from purchase.settings import Settings
from purchase.settlement import Settlement, keep_settling
from purchase.tracing import tracing
from purchase.webhook_ledger import WebhookLedger
from purchase.webhooks import Webhooks

BODY_BYTES_MAX = 64 * 1024
GRACE_SECONDS = 10
KEEP_ALIVE_SECONDS = 150
"""Longer than the gateway keeps an idle connection, so that it never sends an order down one that is being closed."""

FINISH_SECONDS = 30.0
"""How often changes are looked for that a process which died has left behind."""

log = logging.getLogger(__name__)


class Metrics(PrometheusController):
    """At /metrics, which is no part of the API."""

    include_in_schema = False


def create_app(settings: Settings) -> Litestar:
    """Put the service together; it connects to Redis when it is asked something."""
    redis = connect(settings.redis_url)
    outbox = Outbox(redis, partitions=settings.partitions, outbox_max=settings.outbox_max)
    catalog = Catalog(outbox)
    clock = Clock(outbox)
    definitions = Definitions(redis, outbox, catalog)
    hold_ledger = HoldLedger(redis, outbox, holds_per_customer=settings.holds_per_customer)
    hold_desk = HoldDesk(catalog, hold_ledger, clock, hold_seconds=settings.hold_seconds)
    inventory = Inventory(redis, outbox)
    provider = connect_provider(settings)
    payments = PaymentLedger(
        redis, outbox, clock, hold_seconds=settings.hold_seconds, payment_seconds=settings.payment_seconds
    )
    attention = Attention(outbox)
    steps = PaymentSteps(hold_ledger, payments, inventory, provider, clock, attention)
    cashier = Cashier(hold_desk, hold_ledger, payments, inventory, provider, clock, steps)
    refunds = Refunds(redis, outbox, inventory, provider, attention, cashier.settle)
    webhooks = Webhooks(WebhookLedger(redis, outbox), provider, cashier, attention)
    settlement = Settlement(redis, outbox, clock, {b"H": cashier.settle, b"R": refunds.settle})

    services = Services(
        box_office=BoxOffice(catalog, inventory, refunds, direct_sales=settings.direct_sales),
        hold_desk=hold_desk,
        cashier=cashier,
        webhooks=webhooks,
        definitions=definitions,
        outbox=outbox,
        receipts=Receipts(settings.receipt_keys),
        admins=AdminTokens(settings.admin_tokens),
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        await outbox.check_partitions()
        running = [
            asyncio.create_task(_finish_pending(definitions)),
            asyncio.create_task(keep_settling(settlement.settle_due)),
            asyncio.create_task(keep_settling(webhooks.settle)),
        ]
        try:
            yield
        finally:
            for task in running:
                task.cancel()
            await provider.aclose()
            await redis.aclose()

    return Litestar(
        route_handlers=[
            *api.handlers,
            *hold_api.handlers,
            *payment_api.handlers,
            *webhook_api.handlers,
            *health.handlers,
            assets(),
            Metrics,
        ],
        lifespan=[lifespan],
        state=State({"services": services}),
        plugins=[plugin(), *tracing(settings.otel_exporter_otlp_endpoint)],
        request_max_body_size=BODY_BYTES_MAX,
        logging_config=None,
        openapi_config=openapi(),
    )


async def _finish_pending(definitions: Definitions) -> None:
    while not is_cancelled():
        try:
            await definitions.finish_all_pending()
        except (Unavailable, OutcomeUnknown) as error:
            log.warning("changes of venues could not be looked for: %s", type(error).__name__)
        await asyncio.sleep(FINISH_SECONDS)


def configure_logging(settings: Settings) -> None:
    """As the file says that LOGGING_CONFIG names; else plainly."""
    if settings.logging_config is None:
        logging.basicConfig(level=logging.INFO)
    else:
        logging.config.dictConfig(json.loads(Path(settings.logging_config).read_text()))


def serve(app: Callable[..., Any], settings: Settings) -> None:
    """Listen until told to end; requests under way are finished."""
    uvicorn.run(
        app,
        host=settings.http_host,
        port=settings.http_port,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def main() -> None:
    settings = Settings.read()
    configure_logging(settings)
    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
