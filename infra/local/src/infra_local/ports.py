"""Loopback ports for private servers: free ones, and the same ones again the next time."""

import json
import random
import socket
from collections.abc import Callable
from pathlib import Path

PortChooser = Callable[[str], int]

# Below the range from which the kernel hands out ports for outgoing connections: a restarted server finds its own free.
LOWEST, HIGHEST = 20_000, 32_000
ATTEMPTS = 100


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port(name: str) -> int:
    """A port that nothing listens on now. Raises OSError naming who asked when none is to be had."""
    for port in random.sample(range(LOWEST, HIGHEST), ATTEMPTS):
        if is_free(port):
            return port
    raise OSError(f"no free port for {name} between {LOWEST} and {HIGHEST}")


class PortBook:
    """The ports that were chosen for one folder, each by the name of who listens there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ports: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}

    def __call__(self, name: str) -> int:
        """The port of this name: the one remembered, else a free one, remembered from now on."""
        if name not in self._ports:
            self.remember(name, free_port(name))
        return self._ports[name]

    def remembered(self, name: str) -> int | None:
        """The port of this name, if it has one."""
        return self._ports.get(name)

    def remember(self, name: str, port: int) -> None:
        """Give this name this port."""
        self._ports[name] = port
        self._path.write_text(json.dumps(self._ports, indent=2) + "\n")

    def forget_taken(self) -> None:
        """Forget the ports on which something listens now: right only while nothing of ours does."""
        self._ports = {name: port for name, port in self._ports.items() if is_free(port)}
