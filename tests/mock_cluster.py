"""librdkafka's mock cluster, as a process: a second Kafka, by others, which has what the private one has not.

It numbers producers, and keeps what is noted with an offset; what is asked for becomes a topic of four partitions.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Producer

PARTITIONS = 4


@contextmanager
def mock_cluster() -> Iterator[str]:
    """Its bootstrap servers."""
    with subprocess.Popen([sys.executable, "-m", __name__], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def main() -> None:
    """Serve until killed."""
    cluster = Producer({"bootstrap.servers": "itself", "test.mock.num.brokers": 1, "log_level": 0})
    [broker] = cluster.list_topics(timeout=10).brokers.values()
    print(f"{broker.host}:{broker.port}", flush=True)  # noqa: T201 - that is how it says where it is
    while True:
        cluster.poll(60)


if __name__ == "__main__":
    main()
