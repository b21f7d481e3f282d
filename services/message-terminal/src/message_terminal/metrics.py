"""Metrics that show whether the models keep up."""

from prometheus_client import Counter, Gauge

projection_lag_seconds = Gauge(
    "projection_lag_seconds", "Age of the oldest message in the batch last tried; 0 without a backlog.", ["model"]
)
messages_projected_total = Counter("messages_projected_total", "Messages projected onto a model.", ["model"])
messages_parked_total = Counter("messages_parked_total", "Messages parked because they cannot be projected.", ["model"])
projection_gaps_total = Counter("projection_gaps_total", "Gaps in the positions of a partition.")
double_sales_total = Counter(
    "double_sales_total", "Sales refused because the seat belongs to another ticket.", ["model"]
)
store_waits_total = Counter("store_waits_total", "Attempts deferred because a store was unavailable.", ["model"])


def begin(model: str) -> None:
    """Set a model's metrics to 0: Prometheus misses the increment with which a counter appears."""
    projection_lag_seconds.labels(model).set(0)
    for counter in (messages_projected_total, messages_parked_total, double_sales_total, store_waits_total):
        counter.labels(model)
