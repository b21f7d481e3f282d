"""A Kafka that has the idempotent producer, in a process of its own: librdkafka's mock cluster, of one broker.

`python -m tests.stage.mock_kafka` says its port and runs until its input ends. It keeps what it is sent again as often
as it is sent, and what is noted with an offset. It makes topics of four partitions when it is asked for them, and knows
no administrator.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Producer

ANSWER_SECONDS = 10


@contextmanager
def mock_kafka() -> Iterator[int]:
    """Its port."""
    command = [sys.executable, "-m", __name__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())


if __name__ == "__main__":
    inside = Producer({"bootstrap.servers": "nowhere", "test.mock.num.brokers": 1})
    [broker] = inside.list_topics(timeout=ANSWER_SECONDS).brokers.values()
    sys.stdout.write(f"{broker.port}\n")
    sys.stdout.flush()
    sys.stdin.read()
