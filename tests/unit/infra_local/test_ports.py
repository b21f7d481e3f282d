"""Ports stay what they were, and are chosen again only when something else has taken them."""

import socket
from pathlib import Path

import pytest
from infra_local.ports import PortBook, free_port, is_free


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ports.json"


def test_a_free_port_can_be_listened_on() -> None:
    assert is_free(free_port("anyone"))


def test_a_port_on_which_something_listens_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not is_free(server.getsockname()[1])


def test_a_name_keeps_its_port(path: Path) -> None:
    port = PortBook(path)("redis")
    assert PortBook(path)("redis") == port


def test_a_port_that_was_given_is_remembered(path: Path) -> None:
    PortBook(path).remember("gateway", 8080)
    assert PortBook(path).remembered("gateway") == 8080
    assert PortBook(path).remembered("redis") is None


def test_a_port_that_something_else_has_taken_is_chosen_again(path: Path) -> None:
    ports = PortBook(path)
    kept = ports("query")
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        ports.remember("redis", taken)
        ports.forget_taken()
        assert ports("redis") != taken
    assert ports("query") == kept
