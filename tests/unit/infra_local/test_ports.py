"""Ports are stable; a new one is chosen only when another program listens on the old one."""

import socket
from pathlib import Path

import pytest
from infra_local.ports import PortBook, free_port, is_free


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ports.json"


def test_a_free_port_can_be_listened_on() -> None:
    assert is_free(free_port("anyone"))


def test_a_port_that_is_in_use_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not is_free(server.getsockname()[1])


def test_a_name_keeps_its_port(path: Path) -> None:
    port = PortBook(path)("redis")
    assert PortBook(path)("redis") == port


def test_an_assigned_port_is_remembered(path: Path) -> None:
    PortBook(path).remember("gateway", 8080)
    assert PortBook(path).remembered("gateway") == 8080
    assert PortBook(path).remembered("redis") is None


def test_a_port_that_another_program_uses_is_replaced(path: Path) -> None:
    ports = PortBook(path)
    kept = ports("query")
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        ports.remember("redis", taken)
        ports.forget_taken()
        assert ports("redis") != taken
    assert ports("query") == kept
