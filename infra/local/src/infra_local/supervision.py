"""The supervisor, which keeps the platform running after `up` has ended: configuration and control.

It does not start its programs by itself, because some must wait for others. Once a program has been
started, the supervisor restarts it whenever it ends.
"""

import os
import resource
import shlex
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterable, Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any, cast
from xmlrpc.client import ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from infra_local import leftovers
from infra_local.running import ProgramFailed
from infra_local.servers import Server

OPEN_FILES = 65_536
LOG_BYTES = 20_000_000
SOCKET_PATH_BYTES = 100
# A program that has ended by itself is about to be restarted.
RUNS = frozenset({"STARTING", "RUNNING", "BACKOFF", "EXITED"})


class Supervisor:
    """The supervisor of one folder."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._configuration = home / "supervisor.conf"
        self._logs = home / "logs"
        self._socket = _socket_path(home)

    def log_file(self, name: str) -> Path:
        """Return the file to which this program's output goes."""
        return self._logs / f"{name}.log"

    def is_running(self) -> bool:
        """Return whether it answers."""
        try:
            self._call("getState")
        except (OSError, HTTPException):
            return False
        return True

    def launch(self, servers: Iterable[Server]) -> None:
        """Start it as a daemon, without its programs. Raises ProgramFailed."""
        self._logs.mkdir(parents=True, exist_ok=True)
        self._configuration.write_text(self._render(servers))
        with self.log_file("supervisor").open("ab") as log:
            result = subprocess.run(
                [sys.executable, "-m", "supervisor.supervisord", "--configuration", str(self._configuration)],
                env={**os.environ, **leftovers.mark(self._home)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
            )
        if result.returncode != 0:
            raise ProgramFailed("the supervisor", "did not start", self.log_file("supervisor"))

    def running(self) -> dict[str, int]:
        """Return the process ids of the running programs, by name; 0 for one that is restarting."""
        processes = cast("list[Mapping[str, Any]]", self._call("getAllProcessInfo"))
        return {process["name"]: process["pid"] for process in processes if process["statename"] in RUNS}

    def start(self, name: str) -> None:
        """Start this program without waiting; from now on it is restarted whenever it ends."""
        self._call("startProcess", name, False)

    def stop(self, name: str) -> None:
        """Stop this program and wait until it has ended."""
        self._call("stopProcess", name)

    def shut_down(self) -> None:
        """Make it stop everything, last started first, and end; does not wait."""
        self._call("shutdown")

    def _call(self, method: str, *arguments: object) -> object:
        with ServerProxy(
            "http://supervisor", transport=SupervisorTransport(serverurl=f"unix://{self._socket}")
        ) as proxy:
            return getattr(proxy.supervisor, method)(*arguments)

    def _render(self, servers: Iterable[Server]) -> str:
        general = f"""\
[supervisord]
logfile = {_literal(self.log_file("supervisor"))}
logfile_maxbytes = {LOG_BYTES}
pidfile = {_literal(self._configuration.with_suffix(".pid"))}
minfds = {_open_files()}
{"user = root" if os.geteuid() == 0 else ""}

[unix_http_server]
file = {_literal(self._socket)}
chmod = 0700

[supervisorctl]
serverurl = unix://{_literal(self._socket)}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""
        return general + "".join(self._program(place, server) for place, server in enumerate(servers))

    def _program(self, place: int, server: Server) -> str:
        environment = ",".join(f'{name}="{_literal(value)}"' for name, value in server.environment.items())
        return f"""
[program:{server.name}]
command = {_literal(shlex.join(server.argv))}
directory = {_literal(server.directory)}
environment = {environment}
priority = {place}
autostart = false
autorestart = true
startretries = 1000000
stopsignal = {server.stop_signal.name.removeprefix("SIG")}
stopwaitsecs = {server.stop_seconds}
killasgroup = true
redirect_stderr = true
stdout_logfile = {_literal(self.log_file(server.name))}
stdout_logfile_maxbytes = {LOG_BYTES}
stdout_logfile_backups = 1
"""


def _literal(value: object) -> str:
    """Escape percent signs, which the supervisor would expand."""
    return str(value).replace("%", "%%")


def _open_files() -> int:
    """Return the limit of open files: enough for many connections, if this user may have it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    return OPEN_FILES if most == resource.RLIM_INFINITY else min(OPEN_FILES, most)


def _socket_path(home: Path) -> Path:
    """Place the socket in the home folder, or elsewhere if that path is too long for a socket."""
    path = home / "supervisor.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
        return path
    return Path(tempfile.gettempdir()) / f"ticketing-{zlib.crc32(os.fsencode(home)):08x}.sock"
