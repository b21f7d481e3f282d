"""Readiness probes: a server must answer, not only listen. Each takes a few seconds at most."""

import socket
import struct
import subprocess
from http.client import HTTPConnection, HTTPException

CONNECT_SECONDS = 0.5
ANSWER_SECONDS = 3.0
# Kafka's ApiVersions request: length, API key, version, correlation id, no client id.
KAFKA_REQUEST = struct.pack(">ihhih", 10, 18, 0, 1, -1)
# The answer after its length: the same correlation id, and no error.
KAFKA_ANSWER = struct.pack(">ih", 1, 0)


def _answer(port: int, request: bytes, size: int) -> bytes:
    try:
        with socket.create_connection(("127.0.0.1", port), CONNECT_SECONDS) as connection:
            connection.settimeout(ANSWER_SECONDS)
            connection.sendall(request)
            return connection.recv(size)
    except OSError:
        return b""


def listens(port: int) -> bool:
    """Return whether something accepts connections on this port."""
    try:
        socket.create_connection(("127.0.0.1", port), CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


def redis_answers(port: int) -> bool:
    """Return whether PING is answered with PONG; while Redis loads its data it answers LOADING."""
    return _answer(port, b"PING\r\n", 16).startswith(b"+PONG")


def amqp_answers(port: int) -> bool:
    """Return whether AMQP's handshake is answered with a method frame."""
    return _answer(port, b"AMQP\0\0\x09\x01", 1) == b"\x01"


def kafka_answers(port: int) -> bool:
    """Return whether ApiVersions is answered without an error."""
    return _answer(port, KAFKA_REQUEST, 10)[4:] == KAFKA_ANSWER


def mysql_answers(client: str, port: int, user: str, password: str) -> bool:
    """Return whether this user can log in and query. `init.sql` creates the user at the start."""
    command = [client, "--no-defaults", "--protocol=tcp", "--host=127.0.0.1", f"--port={port}", f"--user={user}"]
    result = subprocess.run(
        [*command, f"--connect-timeout={ANSWER_SECONDS:.0f}", "--execute=SELECT 1"],
        env={"MYSQL_PWD": password},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return result.returncode == 0


def http_answers(port: int, path: str) -> bool:
    """Return whether a GET of this path is answered with 200."""
    connection = HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
