"""The metrics of the business."""

from prometheus_client import Counter, Gauge, Histogram

seats_sold = Counter("seats_sold_total", "Seats sold by this process")
seat_conflicts = Counter("seat_conflicts_total", "Orders refused because the seat was sold or held")
tickets_cancelled = Counter("tickets_cancelled_total", "Tickets cancelled by this process")
holds_made = Counter("holds_made_total", "Holds made by this process")
holds_released = Counter("holds_released_total", "Holds released by their customers through this process")
holds_expired = Counter("holds_expired_total", "Holds whose expiry this process published")
settlement_failures = Counter("settlement_failures_total", "Attempts to finish a hold or a refund that were deferred")
orders_joined = Histogram("orders_joined", "Orders in one call to Redis", buckets=(1, 2, 4, 8, 16, 32, 64, 128))
outbox_pending = Gauge("outbox_pending", "Messages in the outboxes, not confirmed by the broker")
messages_published = Counter("messages_published_total", "Messages confirmed by the broker")
publish_failures = Counter("publish_failures_total", "Attempts to publish a batch that failed")
provider_failures = Counter(
    "payment_provider_failures_total", "Provider calls that failed or whose outcome is unknown", ["kind"]
)
payments_authorised = Counter("payments_authorised_total", "Authorised payments whose seats this process has sold")
payments_captured = Counter("payments_captured_total", "Payments whose capture this process published")
payments_declined = Counter("payments_declined_total", "Payment attempts that failed at the provider")
payments_voided = Counter("payments_voided_total", "Payments cancelled by this process before their capture")
payments_refunded = Counter("payments_refunded_total", "Payments refunded because the seats were no longer available")
payments_unsettled = Gauge("payments_unsettled", "Holds and refunds that this process will retry")
tickets_refunded = Counter("tickets_refunded_total", "Cancelled tickets whose refund this process published")
webhooks = Counter("webhooks_total", "Signed notifications of the payment provider", ["kind", "outcome"])
rejections = Counter("rejections_total", "Tickets that the write model refused", ["outcome"])
cases_opened = Counter("matters_total", "Cases opened because they need a person", ["kind"])
cases_open = Gauge("matters_waiting", "Open cases that need a person")

# An alert sees an increase only if the metric existed before it.
for kind in ("ProviderAway", "ProviderSilent"):
    provider_failures.labels(kind)
