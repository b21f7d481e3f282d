"""`up` runs the whole platform on this machine and says where, `logs` follows it, `down` stops it.

Exit status 1: it says what to do.
"""

import argparse
import errno
import fcntl
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from rich.console import Console

from infra_local import debian
from infra_local.brokers import BROKERS, TITLES, BrokerName
from infra_local.composition import CompositionFailed, engine_answers
from infra_local.platform import ADMIN_TOKEN
from infra_local.ports import PortBook, is_free
from infra_local.programs import ProgramMissing
from infra_local.running import ProgramFailed
from infra_local.servers import INFRA
from infra_local.ways import Containers, Private, Way, choose, ways

HOME = INFRA.parent / ".local"
LAST_WAY = HOME / "way"
DEFAULT_PORT = 8080
DISK_BYTES = 1_000_000_000

console = Console(highlight=False, soft_wrap=True)


class CannotRun(Exception):
    """Something stands in the way; says what to do about it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, do it, and answer the exit status."""
    command = _parser().parse_args(arguments)
    try:
        command.run(command)
    except (CannotRun, CompositionFailed, ProgramFailed, ProgramMissing, debian.ServersMissing) as obstacle:
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
    start = commands.add_parser("up", help="run the platform; PORT says where (8080)")
    start.add_argument("--with", dest="asked", choices=[Containers.name, Private.name], help="how (it chooses itself)")
    start.add_argument("--broker", choices=BROKERS, help="on which broker (that of last time, else rabbitmq)")
    start.set_defaults(run=up)
    stop = commands.add_parser("down", help="stop the platform and keep its data")
    stop.add_argument("--purge", action="store_true", help="remove its data too")
    stop.set_defaults(run=down)
    commands.add_parser("logs", help="follow what everything says").set_defaults(run=logs)
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


@_alone()
def up(command: argparse.Namespace) -> None:
    """Start what is not running yet."""
    _check_disk()
    ports = _ports()
    way = _choose_way(ways(HOME, ports), command.asked)
    broker = choose_broker(way, command.broker)
    if way.is_running():
        _check_same_port(ports)
    else:
        way.clear()
        _choose_ports(ports)
    LAST_WAY.write_text(way.name)
    way.bring_up(broker, console)
    _say_where(way.addresses())


def _choose_way(both: Sequence[Way], asked: str | None) -> Way:
    """One of them, having said which and why. Raises CannotRun when the other runs."""
    choice = choose(both, asked=asked, last=_last_way(), engine_answers=engine_answers)
    [other] = [way for way in both if way is not choice.way]
    if other.is_running():
        raise CannotRun(f"the platform runs already, {other.words}: ./taskw down, then try again")
    if isinstance(choice.way, Containers) and not engine_answers():
        raise CannotRun(
            f"no Docker engine with Docker Compose answers here; without: ./taskw up -- --with {other.name}"
        )
    console.print(f"Running the platform {choice.way.words}: {choice.why}.")
    console.print(f"The other way, {other.words}: ./taskw up -- --with {other.name}")
    return choice.way


def choose_broker(way: Way, asked: BrokerName | None) -> BrokerName:
    """What was asked for, else that of last time, having said so. Raises CannotRun when the other may have messages."""
    last = way.broker.name
    broker = asked or last
    if broker != last and way.is_running():
        raise CannotRun(f"the platform runs already, on {TITLES[last]}: ./taskw down, then try again")
    if broker != last and way.broker.is_chosen and way.keeps(last):
        raise CannotRun(
            f"{TITLES[last]} may keep messages of last time that the models have not taken in: run on it (./taskw up), "
            "or begin anew (./taskw down -- --purge, then try again); docs/runbook.md tells how to move without loss"
        )
    console.print(f"The broker: {way.about(broker)}.")
    [other] = [name for name in BROKERS if name != broker]
    console.print(f"The other broker, {TITLES[other]}: ./taskw up -- --broker {other}\n")
    return broker


def _last_way() -> str | None:
    return LAST_WAY.read_text() if LAST_WAY.exists() else None


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


def _ports() -> PortBook:
    """The ports of last time; the gateway's is not left to chance."""
    HOME.mkdir(exist_ok=True)
    ports = PortBook(HOME / "ports.json")
    if ports.remembered("gateway") is None:
        ports.remember("gateway", DEFAULT_PORT)
    return ports


def _choose_ports(ports: PortBook) -> None:
    """Keep the ports of last time where they are still free; the gateway's is never changed unasked."""
    port = _asked_port() or ports("gateway")
    if not is_free(port):
        raise CannotRun(f"port {port} is in use by another program: choose another, like PORT={port + 1} ./taskw up")
    ports.forget_taken()
    ports.remember("gateway", port)


def _say_where(addresses: Mapping[str, str]) -> None:
    gateway = addresses["gateway"]
    seat = '{"venueId":"Venue1","eventId":"Event1","zoneId":2,"row":"10","column":"b"}'
    console.print(
        "[bold green]The platform runs.[/] ./taskw logs follows it, ./taskw down stops it and keeps its data.\n"
    )
    for name, address in addresses.items():
        console.print(f"  {name:<16}{address}", markup=False)
    console.print(f"  {'API pages':<16}{gateway}/docs/purchase, {gateway}/docs/query and {gateway}/docs/messages")
    console.print(f"  {'admin token':<16}{ADMIN_TOKEN}\n")
    console.print(f"  curl -i {gateway}/api/v1/tickets -H 'Content-Type: application/json' -d '{seat}'", markup=False)
    console.print(f"  curl {gateway}/api/v1/tickets/money/Venue1/Event1")
    console.print(f"  curl {gateway}/api/v1/events")


@_alone()
def down(command: argparse.Namespace) -> None:
    """Stop everything, and remove the data if told to."""
    with console.status("stopping"):
        for way in ways(HOME, _ports()):
            if command.purge or way.is_running() or way.name == _last_way() or isinstance(way, Private):
                way.take_down(console, purge=command.purge)
    if command.purge:
        shutil.rmtree(HOME)
    console.print("The platform is stopped" + (", and its data removed." if command.purge else "; its data is kept."))


def logs(_: argparse.Namespace) -> None:
    """Follow what everything says, until Ctrl-C."""
    way = running_way()
    with suppress(KeyboardInterrupt):
        way.follow_logs()


def running_way() -> Way:
    """The way the platform runs here. Raises CannotRun when it does not."""
    for way in ways(HOME, _ports()):
        if way.is_running():
            return way
    raise CannotRun("The platform does not run here: ./taskw up")


if __name__ == "__main__":
    sys.exit(main())
