"""A server is ready when it answers in its own protocol; another program on its port is not."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from infra_local import probes

VERSIONS = b"\0\0\0\x10" + b"\0\0\0\1" + b"\0\0" + b"\0\0\0\1" + b"\0\x12\0\0\0\4"
UNSUPPORTED = VERSIONS[:8] + b"\0\x23" + VERSIONS[10:]


@contextmanager
def server_that_answers(answer: bytes) -> Iterator[int]:
    """Answer the first connection with these bytes; yields the port."""
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


def test_kafka_is_ready_when_it_answers_with_its_versions() -> None:
    with server_that_answers(VERSIONS) as port:
        assert probes.kafka_answers(port)


@pytest.mark.parametrize("answer", [UNSUPPORTED, b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
def test_a_server_with_another_answer_is_not_kafka(answer: bytes) -> None:
    with server_that_answers(answer) as port:
        assert not probes.kafka_answers(port)


def test_without_a_listener_kafka_is_not_ready() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert not probes.kafka_answers(port)
