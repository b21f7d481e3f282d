"""`up` runs the whole platform on this machine and says where; `down` stops it. Exit status 1: it says what to do."""

import argparse
import errno
import fcntl
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console

from infra_local import debian, leftovers
from infra_local.platform import ADMIN_TOKEN, Platform
from infra_local.ports import PortBook, is_free
from infra_local.programs import ProgramMissing
from infra_local.running import ProgramFailed
from infra_local.servers import INFRA
from infra_local.startup import STOP_SECONDS, bring_up, shut_down
from infra_local.supervision import Supervisor

HOME = INFRA.parent / ".local"
DEFAULT_PORT = 8080
DISK_BYTES = 1_000_000_000

console = Console(highlight=False, soft_wrap=True)


class CannotRun(Exception):
    """Something stands in the way; says what to do about it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, do it, and answer the exit status."""
    command = _parser().parse_args(arguments)
    try:
        with _alone():
            command.run(command)
    except (CannotRun, ProgramFailed, ProgramMissing, debian.ServersMissing) as obstacle:
        console.print(str(obstacle), style="red", markup=False)
        return 1
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        console.print(f"the disk of {HOME} is full: make room, then try again", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="infra_local", description=__doc__)
    commands = parser.add_subparsers(required=True)
    commands.add_parser("up", help="run the platform; PORT says where (8080)").set_defaults(run=up)
    stop = commands.add_parser("down", help="stop the platform and keep its data")
    stop.add_argument("--purge", action="store_true", help="remove its data too")
    stop.set_defaults(run=down)
    return parser


@contextmanager
def _alone() -> Iterator[None]:
    """Two of these commands at once would undo one another. Raises CannotRun."""
    HOME.mkdir(exist_ok=True)
    with (HOME / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotRun("another up or down is under way here: wait until it has ended") from None
        yield


def up(_: argparse.Namespace) -> None:
    """Start what is not running yet."""
    _check_disk()
    debian.install_missing_servers()
    ports = PortBook(HOME / "ports.json")
    if Supervisor(HOME).is_running():
        _check_same_port(ports)
    else:
        leftovers.end(HOME, STOP_SECONDS)
        _choose_ports(ports)
    with _reporting() as say:
        platform = bring_up(HOME, ports, say)
    _say_where(platform)


def _check_disk() -> None:
    free = shutil.disk_usage(HOME).free
    if free < DISK_BYTES:
        raise CannotRun(
            f"only {free // 1_000_000} MB are free on the disk of {HOME}: make room for 1 GB, then try again"
        )


def _asked_port() -> int | None:
    """What PORT says. Raises CannotRun when that is no port."""
    text = os.environ.get("PORT")
    if not text:
        return None
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise CannotRun(f"PORT is {text!r}: it must be a port, 1 to 65535")
    return int(text)


def _check_same_port(ports: PortBook) -> None:
    asked, used = _asked_port(), ports("gateway")
    if asked not in (None, used):
        raise CannotRun(f"the platform runs already, on port {used}: ./taskw down, then PORT={asked} ./taskw up")


def _choose_ports(ports: PortBook) -> None:
    """Keep the ports of last time where they are still free; the gateway's is never changed unasked."""
    port = _asked_port() or ports.remembered("gateway") or DEFAULT_PORT
    if not is_free(port):
        raise CannotRun(f"port {port} is in use by another program: choose another, like PORT={port + 1} ./taskw up")
    ports.forget_taken()
    ports.remember("gateway", port)


@contextmanager
def _reporting() -> Iterator[Callable[[str], None]]:
    """Show what is being waited for: in one line that changes, or line by line where lines cannot change."""
    if not console.is_terminal:
        yield console.print
        return
    with console.status("starting") as status:
        yield status.update


def _say_where(platform: Platform) -> None:
    address = platform.gateway.url
    seat = '{"venueId":"Venue1","eventId":"Event1","zoneId":2,"row":"10","column":"b"}'
    console.print(
        "[bold green]The platform runs.[/] ./taskw down stops it; its data stays in .local, its logs in .local/logs.\n"
    )
    for server in platform.servers():
        console.print(f"  {server.name:<16}{server.url}", markup=False)
    console.print(f"  {'API pages':<16}{address}/docs/purchase and {address}/docs/query")
    console.print(f"  {'admin token':<16}{ADMIN_TOKEN}\n")
    console.print(f"  curl -i {address}/api/v1/tickets -H 'Content-Type: application/json' -d '{seat}'", markup=False)
    console.print(f"  curl {address}/api/v1/tickets/count/Event1")
    console.print(f"  curl {address}/api/v1/tickets/money/Venue1/Event1")


def down(command: argparse.Namespace) -> None:
    """Stop everything, and remove the data if told to."""
    with console.status("stopping"):
        shut_down(HOME)
    if command.purge:
        shutil.rmtree(HOME)
    console.print("The platform is stopped" + (", and its data removed." if command.purge else "; its data is kept."))


if __name__ == "__main__":
    sys.exit(main())
