"""A server is ready when it answers in its own language; somebody else on its port is not it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from infra_local import probes

VERSIONS = b"\0\0\0\x10" + b"\0\0\0\1" + b"\0\0" + b"\0\0\0\1" + b"\0\x12\0\0\0\4"
UNSUPPORTED = VERSIONS[:8] + b"\0\x23" + VERSIONS[10:]


@contextmanager
def somebody_who_says(answer: bytes) -> Iterator[int]:
    """Answers the first who calls with this; the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer_once() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(64)
                connection.sendall(answer)

        thread = threading.Thread(target=answer_once)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def test_kafka_is_ready_when_it_tells_its_versions() -> None:
    with somebody_who_says(VERSIONS) as port:
        assert probes.kafka_answers(port)


@pytest.mark.parametrize("answer", [UNSUPPORTED, b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
def test_whoever_answers_otherwise_is_no_kafka(answer: bytes) -> None:
    with somebody_who_says(answer) as port:
        assert not probes.kafka_answers(port)


def test_where_nobody_listens_nothing_is_ready() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert not probes.kafka_answers(port)
