"""A Kafka with the idempotent producer, as a process: librdkafka's mock cluster of one broker.

`python -m tests.stage.mock_kafka` prints its port and runs until its input ends. It stores every
message that it receives, repeated ones too, and the metadata of an offset. It creates topics of
four partitions on first use, and supports no admin requests.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Producer

ANSWER_SECONDS = 10


@contextmanager
def mock_kafka() -> Iterator[int]:
    """The port of a mock cluster."""
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
