"""The metrics of the query service."""

from prometheus_client import Counter, Histogram

query_seconds = Histogram(
    "query_seconds",
    "How long a query took, whatever its answer",
    ["query"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
problems = Counter("problems_total", "Problems answered to clients", ["problem"])
reads_joined = Histogram("reads_joined", "Ticket queries per statement", buckets=(1, 2, 4, 8, 16, 32, 64, 128))
freshness_wait_seconds = Histogram(
    "freshness_wait_seconds",
    "How long queries waited for the read model to reach their Consistency-Token",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2),
)
read_model_failures = Counter("read_model_failures_total", "Statements that failed or timed out")
