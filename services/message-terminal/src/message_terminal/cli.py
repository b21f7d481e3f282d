"""The terminal's operations: set all up, look after parked messages, see a move to another broker through.

Exit status: 0 done; 1 not done, or not so: something stays parked, waits or differs, or there is no such message;
2 wrong usage or setting; 3 a store is away.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

from contracts.routing import PURCHASE
from contracts.ticket import TicketRejected
from sqlalchemy.ext.asyncio import AsyncConnection

from message_terminal import models, parking
from message_terminal.brokers import LANES, Broker, StillConsumed, reach
from message_terminal.brokers.chosen import both, choose
from message_terminal.parity import SECONDS_MAX, SECONDS_MIN, compare
from message_terminal.parking import NotParked, Parked
from message_terminal.process import configure_logging
from message_terminal.redrive import redrive
from message_terminal.settings import READ, WRITE, Settings, WrongSetting
from message_terminal.setup import SetupFailed, set_up
from message_terminal.stores import StoreAway, asking_mysql, open_mysql

DONE, NOT_DONE, WRONG_USAGE, AWAY = range(4)

LANES_BY_NAME = {**LANES, "purchase": PURCHASE}

DIFFERENCES_SHOWN = 20

Command = Callable[[Settings, argparse.Namespace], Awaitable[int]]


def main() -> int:
    """Do what the command line asks, and answer the exit status."""
    return asyncio.run(run(sys.argv[1:], os.environ))


async def run(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Do what these arguments ask, and answer the exit status. Raises SystemExit when they ask nothing sensible."""
    asked = _parser().parse_args(arguments)
    command: Command = asked.command
    try:
        settings = Settings.read(environment)
        configure_logging(settings.logging_config)
        return await command(settings, asked)
    except WrongSetting as error:
        print(error, file=sys.stderr)
        return WRONG_USAGE
    except NotParked as error:
        return _complain(f"no message {error} is parked", NOT_DONE)
    except (StoreAway, SetupFailed) as error:
        return _complain(error, AWAY)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="message-terminal", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("setup", help="make queues and tables").set_defaults(command=_set_up)
    parity = commands.add_parser(
        "parity", help="see whether both brokers deliver the same, of what is published meanwhile"
    )
    parity.add_argument("--seconds", type=_seconds, default=30.0, metavar="N", help="listen for so long (30)")
    parity.set_defaults(command=_parity)
    drained = commands.add_parser("drained", help="see whether nothing waits at BROKER, for the models or for purchase")
    drained.add_argument("lanes", nargs="*", type=_lane, default=[*LANES_BY_NAME.values()], metavar="LANE")
    drained.set_defaults(command=_drained)
    parked = commands.add_parser("parked", help="messages that could not be projected")
    verbs = parked.add_subparsers(required=True, metavar="VERB")
    verbs.add_parser("list", help="all of them, the oldest first").set_defaults(command=_list)
    show = verbs.add_parser("show", help="one of them, with its bytes")
    show.add_argument("id", type=int, metavar="ID")
    show.set_defaults(command=_show)
    again = verbs.add_parser("redrive", help="project them again; those that succeed are parked no more")
    which = again.add_mutually_exclusive_group(required=True)
    which.add_argument("ids", type=int, nargs="*", default=[], metavar="ID")
    which.add_argument("--all", action="store_true")
    again.set_defaults(command=_redrive)
    discard = verbs.add_parser("discard", help="throw one away for good")
    discard.add_argument("id", type=int, metavar="ID")
    discard.set_defaults(command=_discard)
    return parser


def _complain(what: object, status: int) -> int:
    print(f"message-terminal: {what}", file=sys.stderr)
    return status


def _seconds(text: str) -> float:
    """Long enough for something to be compared. Raises ArgumentTypeError."""
    with suppress(ValueError):
        if SECONDS_MIN <= float(text) <= SECONDS_MAX:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number from {SECONDS_MIN:.0f} to {SECONDS_MAX:.0f}")


def _lane(text: str) -> str:
    """Where messages wait, by whom they wait for. Raises ArgumentTypeError."""
    if text not in LANES_BY_NAME:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(LANES_BY_NAME)}")
    return LANES_BY_NAME[text]


async def _set_up(settings: Settings, _: argparse.Namespace) -> int:
    await set_up(settings)
    return DONE


async def _parity(settings: Settings, asked: argparse.Namespace) -> int:
    one, other = both(settings)
    parity = await compare(one, other, asked.seconds)
    for difference in parity.differences[:DIFFERENCES_SHOWN]:
        print(difference)
    print(f"{parity.compared} messages compared, {len(parity.differences)} differences")
    return DONE if parity.compared and not parity.differences else NOT_DONE


async def _drained(settings: Settings, asked: argparse.Namespace) -> int:
    broker = choose(settings)
    reasons = await asyncio.gather(*(_undrained(broker, lane) for lane in asked.lanes))
    for lane, reason in zip(asked.lanes, reasons, strict=True):
        print(f"{lane}: {reason or 'nothing waits'}")
    return NOT_DONE if any(reasons) else DONE


async def _undrained(broker: Broker, lane: str) -> str | None:
    """Why it cannot be called drained. Raises StoreAway."""
    try:
        return None if await broker.is_drained(lane) else "something waits"
    except StillConsumed:
        return "is still consumed: end its consumers first"


async def _list(settings: Settings, _: argparse.Namespace) -> int:
    async with _mysql(settings) as connection:
        for message in await parking.parked(connection):
            print(
                f"{message.id}  {message.model}  partition {_or_dash(message.partition_id)}  {message.position}"
                f"  {_or_dash(message.message_type)}  {message.times} times, last {message.last_parked_on}Z"
                f"  {message.reason}"
            )
    return DONE


async def _show(settings: Settings, asked: argparse.Namespace) -> int:
    async with _mysql(settings) as connection:
        message, body = await parking.find(connection, asked.id)
    for name in Parked.__struct_fields__:
        print(f"{name}: {_or_dash(getattr(message, name))}")
    print(f"\n{body.decode(errors='backslashreplace')}")
    return DONE


async def _discard(settings: Settings, asked: argparse.Namespace) -> int:
    async with _mysql(settings) as connection:
        if not await parking.discard(connection, asked.id):
            raise NotParked(asked.id)
    print(f"{asked.id}: discarded")
    return DONE


async def _redrive(settings: Settings, asked: argparse.Namespace) -> int:
    status = DONE
    async with _rejecting(settings) as reject, models.opened(settings, (WRITE, READ), reject) as opened:
        for parked_id in asked.ids or await _all_parked(settings):
            try:
                reason = await redrive(opened, settings.partitions, parked_id)
            except NotParked:
                reason = "not parked"
            print(f"{parked_id}: {reason or 'projected'}")
            status = status if reason is None else NOT_DONE
    return status


async def _all_parked(settings: Settings) -> list[int]:
    async with _mysql(settings) as connection:
        return [message.id for message in await parking.parked(connection)]


@asynccontextmanager
async def _rejecting(settings: Settings) -> AsyncIterator[Callable[[TicketRejected], Awaitable[None]]]:
    """The way to tell purchase of a double sale; the broker is only connected to when there is one."""
    broker = choose(settings)

    async def reject(message: TicketRejected) -> None:
        await reach(broker)
        await broker.reject(message)

    try:
        yield reject
    finally:
        await broker.application.stop()


@asynccontextmanager
async def _mysql(settings: Settings) -> AsyncIterator[AsyncConnection]:
    engine = open_mysql(settings.mysql_url)
    try:
        async with asking_mysql(), engine.begin() as connection:
            yield connection
    finally:
        await engine.dispose()


def _or_dash(value: object) -> object:
    return "-" if value is None else value


if __name__ == "__main__":
    sys.exit(main())
