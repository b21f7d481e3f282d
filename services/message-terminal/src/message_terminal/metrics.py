"""The figures by which one sees whether the models keep up."""

from prometheus_client import Counter, Gauge

projection_lag_seconds = Gauge(
    "projection_lag_seconds", "Age of the oldest message in hand when last tried; 0 when none waits.", ["model"]
)
messages_projected_total = Counter("messages_projected_total", "Messages that a model has taken in.", ["model"])
messages_parked_total = Counter("messages_parked_total", "Messages put aside because of themselves.", ["model"])
projection_gaps_total = Counter("projection_gaps_total", "Times a partition's positions skipped some.")
double_sales_total = Counter("double_sales_total", "Sales refused because the seat was sold to another.", ["model"])
store_waits_total = Counter("store_waits_total", "Attempts given up for now because a store was away.", ["model"])


def begin(model: str) -> None:
    """Show this model's figures from the start: a counter that appears with its first event hides that event."""
    projection_lag_seconds.labels(model).set(0)
    for counter in (messages_projected_total, messages_parked_total, double_sales_total, store_waits_total):
        counter.labels(model)
