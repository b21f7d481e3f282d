"""What the business wants to see counted."""

from prometheus_client import Counter, Gauge, Histogram

seats_sold = Counter("seats_sold_total", "Seats sold by this process")
seat_conflicts = Counter("seat_conflicts_total", "Orders refused because the seat was another's")
tickets_cancelled = Counter("tickets_cancelled_total", "Tickets cancelled by this process")
holds_made = Counter("holds_made_total", "Holds made by this process")
holds_released = Counter("holds_released_total", "Holds that their customers gave up through this process")
holds_expired = Counter("holds_expired_total", "Holds abandoned by their customers, as this process told the others")
settlement_failures = Counter(
    "settlement_failures_total", "Holds and refunds put off because they could not be settled"
)
orders_joined = Histogram("orders_joined", "Orders in one call to Redis", buckets=(1, 2, 4, 8, 16, 32, 64, 128))
outbox_pending = Gauge("outbox_pending", "Messages in the outboxes that the broker has not confirmed")
messages_published = Counter("messages_published_total", "Messages confirmed by the broker")
publish_failures = Counter("publish_failures_total", "Batches that the broker did not confirm")
provider_failures = Counter("payment_provider_failures_total", "Calls without an answer that tells", ["kind"])
payments_authorised = Counter("payments_authorised_total", "Payments authorised whose seats this process has sold")
payments_captured = Counter(
    "payments_captured_total", "Payments whose money was taken, as this process told the others"
)
payments_declined = Counter("payments_declined_total", "Attempts to pay that came to nothing at the provider")
payments_voided = Counter("payments_voided_total", "Payments ended by this process before they brought money")
payments_refunded = Counter(
    "payments_refunded_total", "Payments given back by this process because their seats were gone"
)
payments_unsettled = Gauge(
    "payments_unsettled", "Holds and refunds that this process could not settle and will look at again"
)
tickets_refunded = Counter(
    "tickets_refunded_total", "Cancelled tickets whose money was given back, as this process told the others"
)
webhooks = Counter("webhooks_total", "Notifications that the provider signed", ["kind", "outcome"])
rejections = Counter("rejections_total", "Tickets that the write model refused", ["outcome"])
cases_opened = Counter("matters_total", "Cases opened because they need a person", ["kind"])
cases_open = Gauge("matters_waiting", "Open cases that need a person")

# A figure that an alert watches is told before it first moves.
for kind in ("ProviderAway", "ProviderSilent"):
    provider_failures.labels(kind)
