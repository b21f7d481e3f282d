"""Loopback ports for private servers: chosen among the free ones, then the same in every run."""

import json
import random
import socket
from collections.abc import Callable
from pathlib import Path

PortChooser = Callable[[str], int]

# Below the kernel's range for outgoing connections, so that a restarted server finds its port free.
LOWEST, HIGHEST = 20_000, 32_000
ATTEMPTS = 100


def is_free(port: int) -> bool:
    """Return whether a server could listen on this port now."""
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port(name: str) -> int:
    """Return a port that is not in use. Raises OSError, naming the server, if there is none."""
    for port in random.sample(range(LOWEST, HIGHEST), ATTEMPTS):
        if is_free(port):
            return port
    raise OSError(f"no free port for {name} between {LOWEST} and {HIGHEST}")


class PortBook:
    """The ports of one folder's servers, by name, stored in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ports: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}

    def __call__(self, name: str) -> int:
        """Return the port of this name; choose and store a free one if it has none."""
        if name not in self._ports:
            self.remember(name, free_port(name))
        return self._ports[name]

    def remembered(self, name: str) -> int | None:
        """Return the port of this name, if it has one."""
        return self._ports.get(name)

    def remember(self, name: str, port: int) -> None:
        """Store the port of this name."""
        self._ports[name] = port
        self._path.write_text(json.dumps(self._ports, indent=2) + "\n")

    def forget_taken(self) -> None:
        """Drop the ports that are in use. Call only while none of these servers runs."""
        self._ports = {name: port for name, port in self._ports.items() if is_free(port)}
