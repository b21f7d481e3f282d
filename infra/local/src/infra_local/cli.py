"""Run the whole platform on this machine: `up` starts it, `logs` follows its logs, `down` stops it.

If something fails, the exit status is 1 and the output says what to do.
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
from infra_local.runtimes import Containers, Private, Runtime, choose, runtimes
from infra_local.servers import INFRA

HOME = INFRA.parent / ".local"
LAST_RUNTIME = HOME / "way"
DEFAULT_PORT = 8080
DISK_BYTES = 1_000_000_000

console = Console(highlight=False, soft_wrap=True)


class CannotRun(Exception):
    """An obstacle; the text says what to do about it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    command = _parser().parse_args(arguments)
    try:
        command.run(command)
    except (CannotRun, CompositionFailed, ProgramFailed, ProgramMissing, debian.ServersMissing) as obstacle:
        console.print(str(obstacle), style="red", markup=False)
        return 1
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        console.print(f"the disk of {HOME} is full: free some space, then try again", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="infra_local", description=__doc__)
    commands = parser.add_subparsers(required=True)
    start = commands.add_parser("up", help="start the platform; the variable PORT is the gateway's port (8080)")
    start.add_argument(
        "--with",
        dest="asked",
        choices=[Containers.name, Private.name],
        help="in Docker containers or as private instances (default: as last time, else with Docker if available)",
    )
    start.add_argument("--broker", choices=BROKERS, help="the broker (default: as last time, else rabbitmq)")
    start.set_defaults(run=up)
    stop = commands.add_parser("down", help="stop the platform and keep its data")
    stop.add_argument("--purge", action="store_true", help="remove its data too")
    stop.set_defaults(run=down)
    commands.add_parser("logs", help="follow the logs of all parts").set_defaults(run=logs)
    return parser


@contextmanager
def _alone() -> Iterator[None]:
    """Hold this checkout's lock: two commands at once would conflict. Raises CannotRun."""
    HOME.mkdir(exist_ok=True)
    with (HOME / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotRun("another up or down is running in this checkout: wait until it has ended") from None
        yield


@_alone()
def up(command: argparse.Namespace) -> None:
    """Start every part that is not running yet."""
    _check_disk()
    ports = _ports()
    runtime = _choose_runtime(runtimes(HOME, ports), command.asked)
    broker = choose_broker(runtime, command.broker)
    if runtime.is_running():
        _check_same_port(ports)
    else:
        runtime.clear()
        _choose_ports(ports)
    LAST_RUNTIME.write_text(runtime.name)
    runtime.bring_up(broker, console)
    _print_addresses(runtime.addresses())


def _choose_runtime(both: Sequence[Runtime], asked: str | None) -> Runtime:
    """Choose one and print which and why. Raises CannotRun if the platform runs on the other."""
    choice = choose(both, asked=asked, last=_last_runtime(), engine_answers=engine_answers)
    [other] = [runtime for runtime in both if runtime is not choice.runtime]
    if other.is_running():
        raise CannotRun(f"the platform is already running {other.description}: run ./taskw down, then try again")
    if isinstance(choice.runtime, Containers) and not engine_answers():
        raise CannotRun(
            f"no Docker engine with Docker Compose is available; without Docker: ./taskw up -- --with {other.name}"
        )
    console.print(f"Running the platform {choice.runtime.description} ({choice.why}).")
    console.print(f"To run it {other.description}: ./taskw up -- --with {other.name}")
    return choice.runtime


def choose_broker(runtime: Runtime, asked: BrokerName | None) -> BrokerName:
    """Choose the requested broker, else that of the last run, and print which.

    Raises CannotRun if the other broker is in use or may still hold messages.
    """
    last = runtime.broker.name
    broker = asked or last
    if broker != last and runtime.is_running():
        raise CannotRun(f"the platform is already running on {TITLES[last]}: run ./taskw down, then try again")
    if broker != last and runtime.broker.is_chosen and runtime.keeps(last):
        raise CannotRun(
            f"{TITLES[last]} may still hold messages that the models have not processed. Run on it (./taskw up), or "
            "remove all data (./taskw down -- --purge) and try again. docs/runbook.md describes how to move to another "
            "broker without loss."
        )
    console.print(f"Broker: {runtime.about(broker)}.")
    [other] = [name for name in BROKERS if name != broker]
    console.print(f"To run it on {TITLES[other]}: ./taskw up -- --broker {other}\n")
    return broker


def _last_runtime() -> str | None:
    return LAST_RUNTIME.read_text() if LAST_RUNTIME.exists() else None


def _check_disk() -> None:
    free = shutil.disk_usage(HOME).free
    if free < DISK_BYTES:
        raise CannotRun(
            f"only {free // 1_000_000} MB are free on the disk of {HOME}, 1 GB is needed: free some, then try again"
        )


def _asked_port() -> int | None:
    """Read the variable PORT. Raises CannotRun if it is not a port."""
    text = os.environ.get("PORT")
    if not text:
        return None
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise CannotRun(f"PORT is {text!r}: it must be a number from 1 to 65535")
    return int(text)


def _check_same_port(ports: PortBook) -> None:
    asked, used = _asked_port(), ports("gateway")
    if asked not in (None, used):
        raise CannotRun(
            f"the platform is already running on port {used}: run ./taskw down, then PORT={asked} ./taskw up"
        )


def _ports() -> PortBook:
    """Return the ports of the last run. The gateway's is DEFAULT_PORT unless another was chosen."""
    HOME.mkdir(exist_ok=True)
    ports = PortBook(HOME / "ports.json")
    if ports.remembered("gateway") is None:
        ports.remember("gateway", DEFAULT_PORT)
    return ports


def _choose_ports(ports: PortBook) -> None:
    """Replace remembered ports that are in use. Only the user changes the gateway's port."""
    port = _asked_port() or ports("gateway")
    if not is_free(port):
        raise CannotRun(f"port {port} is in use by another program: choose another, e.g. PORT={port + 1} ./taskw up")
    ports.forget_taken()
    ports.remember("gateway", port)


def _print_addresses(addresses: Mapping[str, str]) -> None:
    gateway = addresses["gateway"]
    seat = '{"venueId":"Venue1","eventId":"Event1","zoneId":2,"row":"10","column":"b"}'
    console.print(
        "[bold green]The platform is running.[/] "
        "./taskw logs follows its logs, ./taskw down stops it and keeps its data.\n"
    )
    for name, address in addresses.items():
        console.print(f"  {name:<16}{address}", markup=False)
    console.print(f"  {'API pages':<16}{gateway}/docs/purchase, {gateway}/docs/query and {gateway}/docs/messages")
    console.print(f"  {'admin token':<16}{ADMIN_TOKEN}\n")
    console.print("For example:\n")
    console.print(f"  curl -i {gateway}/api/v1/tickets -H 'Content-Type: application/json' -d '{seat}'", markup=False)
    console.print(f"  curl {gateway}/api/v1/tickets/money/Venue1/Event1")
    console.print(f"  curl {gateway}/api/v1/events")


@_alone()
def down(command: argparse.Namespace) -> None:
    """Stop everything; with `--purge` remove the data too."""
    with console.status("stopping"):
        for runtime in runtimes(HOME, _ports()):
            if command.purge or runtime.is_running() or runtime.name == _last_runtime() or isinstance(runtime, Private):
                runtime.take_down(console, purge=command.purge)
    if command.purge:
        shutil.rmtree(HOME)
    console.print("The platform is stopped. Its data is " + ("removed." if command.purge else "kept."))


def logs(_: argparse.Namespace) -> None:
    """Follow the logs of all parts, until Ctrl-C."""
    runtime = current_runtime()
    with suppress(KeyboardInterrupt):
        runtime.follow_logs()


def current_runtime() -> Runtime:
    """Return the runtime on which the platform runs. Raises CannotRun if it does not run."""
    for runtime in runtimes(HOME, _ports()):
        if runtime.is_running():
            return runtime
    raise CannotRun("The platform is not running: start it with ./taskw up")


if __name__ == "__main__":
    sys.exit(main())
