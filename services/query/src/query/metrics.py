"""What the business wants to see counted."""

from prometheus_client import Counter, Histogram

reads_joined = Histogram("reads_joined", "Tickets read by one statement", buckets=(1, 2, 4, 8, 16, 32, 64, 128))
freshness_waits = Histogram(
    "freshness_wait_seconds",
    "How long queries waited for the read model to reach their Consistency-Token",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2),
)
queries_lagging = Counter("queries_lagging_total", "Queries refused because the read model had not got that far")
read_model_failures = Counter("read_model_failures_total", "Statements that MySQL did not answer in time")
