"""The program `python -m purchase.app`: serves the commands over HTTP, and finishes what is due."""

import asyncio
import contextlib
import logging
import logging.config
from collections.abc import AsyncIterator

from litestar import Litestar
from litestar.datastructures import State
from litestar.plugins.prometheus import PrometheusController

from purchase.box_office import BoxOffice
from purchase.cancelling import is_cancelled
from purchase.cases.ledger import Cases
from purchase.catalogue.definitions import Definitions
from purchase.catalogue.ledger import CatalogueLedger
from purchase.catalogue.offers import Offers
from purchase.holds.desk import HoldDesk
from purchase.holds.ledger import HoldLedger
from purchase.http import catalogue, health, holds, payments, tickets, webhooks
from purchase.http.openapi import assets, openapi
from purchase.http.problems import plugin
from purchase.http.receipts import Receipts
from purchase.http.services import AdminTokens, Services
from purchase.http.tracing import tracing
from purchase.payments.cashier import Cashier
from purchase.payments.due_ledger import DueLedger
from purchase.payments.ledger import PaymentLedger
from purchase.payments.refund_ledger import RefundLedger
from purchase.payments.refunds import Refunds
from purchase.payments.settlement import Settlement, keep_finishing
from purchase.payments.steps import PaymentSteps
from purchase.payments.webhook_ledger import WebhookLedger
from purchase.payments.webhooks import Webhooks
from purchase.process import configure_logging, serve
from purchase.providers.chosen import connect as connect_provider
from purchase.seats.inventory import Inventory
from purchase.settings import Settings
from purchase.store.clock import Clock
from purchase.store.connection import OutcomeUnknown, Unavailable, connect
from purchase.store.partitions import Partitions

BODY_BYTES_MAX = 64 * 1024

FINISH_SECONDS = 30.0
"""How often this process checks for venue changes that another left unfinished."""

log = logging.getLogger(__name__)


class Metrics(PrometheusController):
    """Prometheus metrics at /metrics, outside the API."""

    include_in_schema = False


def create_app(settings: Settings) -> Litestar:
    """Assemble the service; it connects to Redis at the first call."""
    redis = connect(settings.redis_url)
    partitions = Partitions(redis, count=settings.partitions, outbox_max=settings.outbox_max)
    catalogue_ledger = CatalogueLedger(redis, partitions)
    offers = Offers(catalogue_ledger)
    clock = Clock(partitions)
    inventory = Inventory(redis, partitions)
    definitions = Definitions(catalogue_ledger, inventory)
    hold_ledger = HoldLedger(redis, partitions, holds_per_customer=settings.holds_per_customer)
    hold_desk = HoldDesk(offers, hold_ledger, clock, hold_seconds=settings.hold_seconds)
    provider = connect_provider(settings)
    payment_ledger = PaymentLedger(
        redis, partitions, clock, hold_seconds=settings.hold_seconds, payment_seconds=settings.payment_seconds
    )
    cases = Cases(partitions)
    steps = PaymentSteps(hold_ledger, payment_ledger, inventory, provider, clock, cases)
    cashier = Cashier(hold_desk, hold_ledger, payment_ledger, inventory, provider, clock, steps)
    refunds = Refunds(RefundLedger(redis, partitions), inventory, provider, cases, cashier.finish_hold)
    webhook_inbox = Webhooks(WebhookLedger(redis, partitions), provider, cashier, cases)
    due_ledger = DueLedger(redis, partitions, clock)
    settlement = Settlement(due_ledger, finish_hold=cashier.finish_hold, give_refund=refunds.give_refund)

    services = Services(
        box_office=BoxOffice(offers, inventory, refunds, direct_sales=settings.direct_sales),
        hold_desk=hold_desk,
        cashier=cashier,
        webhooks=webhook_inbox,
        definitions=definitions,
        partitions=partitions,
        receipts=Receipts(settings.receipt_keys),
        admins=AdminTokens(settings.admin_tokens),
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        await partitions.check_partitions()
        running = [
            asyncio.create_task(_finish_pending(definitions)),
            asyncio.create_task(keep_finishing(settlement.finish_due)),
            asyncio.create_task(keep_finishing(webhook_inbox.handle_webhooks)),
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
            *tickets.handlers,
            *catalogue.handlers,
            *holds.handlers,
            *payments.handlers,
            *webhooks.handlers,
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
            log.warning("could not check for unfinished venue changes: %s", type(error).__name__)
        await asyncio.sleep(FINISH_SECONDS)


def main() -> None:
    settings = Settings.read()
    configure_logging(settings.logging_config)
    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
