"""Operations of the message terminal: setup, parked messages, and a move to another broker.

Exit status: 0 success; 1 no success (a message stays parked, there is a backlog or a difference, or
there is no such message); 2 wrong usage or setting; 3 a store is unavailable.
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
from message_terminal.brokers import SUBSCRIPTIONS, Broker, StillConsumed, connect_with_retries
from message_terminal.brokers.chosen import both, choose
from message_terminal.parity import SECONDS_MAX, SECONDS_MIN, compare
from message_terminal.parking import NotParked, Parked
from message_terminal.process import configure_logging
from message_terminal.redrive import redrive
from message_terminal.settings import READ, WRITE, Settings, WrongSetting
from message_terminal.setup import SetupFailed, set_up
from message_terminal.stores import StoreUnavailable, calling_mysql, open_mysql

DONE, NOT_DONE, WRONG_USAGE, UNAVAILABLE = range(4)

SUBSCRIPTIONS_BY_CONSUMER = {**SUBSCRIPTIONS, "purchase": PURCHASE}

DIFFERENCES_SHOWN = 20

Command = Callable[[Settings, argparse.Namespace], Awaitable[int]]


def main() -> int:
    """Run the command line; return the exit status."""
    return asyncio.run(run(sys.argv[1:], os.environ))


async def run(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command; return the exit status. Raises SystemExit for arguments that make no sense."""
    options = _parser().parse_args(arguments)
    command: Command = options.command
    try:
        settings = Settings.read(environment)
        configure_logging(settings.logging_config)
        return await command(settings, options)
    except WrongSetting as error:
        print(error, file=sys.stderr)
        return WRONG_USAGE
    except NotParked as error:
        return _fail(f"no message {error} is parked", NOT_DONE)
    except (StoreUnavailable, SetupFailed) as error:
        return _fail(error, UNAVAILABLE)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="message-terminal", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("setup", help="create queues or topics, and tables; may be repeated").set_defaults(
        command=_set_up
    )
    parity = commands.add_parser("parity", help="compare the messages of both brokers while purchase publishes to both")
    parity.add_argument("--seconds", type=_seconds, default=30.0, metavar="N", help="how long to listen (default: 30)")
    parity.set_defaults(command=_parity)
    drained = commands.add_parser("drained", help="check that BROKER has no backlog for its consumers")
    drained.add_argument(
        "subscriptions",
        nargs="*",
        type=_subscription,
        default=[*SUBSCRIPTIONS_BY_CONSUMER.values()],
        metavar="CONSUMER",
        help=f"{', '.join(SUBSCRIPTIONS_BY_CONSUMER)} (default: all)",
    )
    drained.set_defaults(command=_drained)
    parked = commands.add_parser("parked", help="list, show, redrive or discard messages that cannot be projected")
    verbs = parked.add_subparsers(required=True, metavar="VERB")
    verbs.add_parser("list", help="list all parked messages, the oldest first").set_defaults(command=_list)
    show = verbs.add_parser("show", help="show a parked message with its bytes")
    show.add_argument("id", type=int, metavar="ID")
    show.set_defaults(command=_show)
    redriven = verbs.add_parser("redrive", help="project parked messages again; projected ones are parked no longer")
    which = redriven.add_mutually_exclusive_group(required=True)
    which.add_argument("ids", type=int, nargs="*", default=[], metavar="ID")
    which.add_argument("--all", action="store_true", help="redrive every parked message")
    redriven.set_defaults(command=_redrive)
    discard = verbs.add_parser("discard", help="delete a parked message permanently")
    discard.add_argument("id", type=int, metavar="ID")
    discard.set_defaults(command=_discard)
    return parser


def _fail(reason: object, status: int) -> int:
    print(f"message-terminal: {reason}", file=sys.stderr)
    return status


def _seconds(text: str) -> float:
    """Parse the duration of a comparison. Raises ArgumentTypeError."""
    with suppress(ValueError):
        if SECONDS_MIN <= float(text) <= SECONDS_MAX:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number from {SECONDS_MIN:.0f} to {SECONDS_MAX:.0f}")


def _subscription(consumer: str) -> str:
    """Return a consumer's queue or consumer group. Raises ArgumentTypeError."""
    if consumer not in SUBSCRIPTIONS_BY_CONSUMER:
        raise argparse.ArgumentTypeError(f"{consumer!r} is none of {', '.join(SUBSCRIPTIONS_BY_CONSUMER)}")
    return SUBSCRIPTIONS_BY_CONSUMER[consumer]


async def _set_up(settings: Settings, _: argparse.Namespace) -> int:
    await set_up(settings)
    return DONE


async def _parity(settings: Settings, options: argparse.Namespace) -> int:
    parity = await compare(*both(settings), options.seconds)
    for difference in parity.differences[:DIFFERENCES_SHOWN]:
        print(difference)
    print(f"{parity.compared} messages compared, {len(parity.differences)} differences")
    return DONE if parity.compared and not parity.differences else NOT_DONE


async def _drained(settings: Settings, options: argparse.Namespace) -> int:
    broker = choose(settings)
    obstacles = await asyncio.gather(*(_obstacle(broker, subscription) for subscription in options.subscriptions))
    for subscription, obstacle in zip(options.subscriptions, obstacles, strict=True):
        print(f"{subscription}: {obstacle or 'drained'}")
    return NOT_DONE if any(obstacles) else DONE


async def _obstacle(broker: Broker, subscription: str) -> str | None:
    """Return why a subscription is not drained; None if it is. Raises StoreUnavailable."""
    try:
        return None if await broker.is_drained(subscription) else "has a backlog"
    except StillConsumed:
        return "still has consumers; stop them first"


async def _list(settings: Settings, _: argparse.Namespace) -> int:
    async with _mysql(settings) as connection:
        for message in await parking.parked(connection):
            print(
                f"{message.id}  {message.model}  partition {_or_dash(message.partition_id)}  {message.position}"
                f"  {_or_dash(message.message_type)}  {message.times} times, last parked {message.last_parked_on}Z"
                f"  {message.reason}"
            )
    return DONE


async def _show(settings: Settings, options: argparse.Namespace) -> int:
    async with _mysql(settings) as connection:
        message, body = await parking.find(connection, options.id)
    for name in Parked.__struct_fields__:
        print(f"{name}: {_or_dash(getattr(message, name))}")
    print(f"\n{body.decode(errors='backslashreplace')}")
    return DONE


async def _discard(settings: Settings, options: argparse.Namespace) -> int:
    async with _mysql(settings) as connection:
        if not await parking.discard(connection, options.id):
            raise NotParked(options.id)
    print(f"{options.id}: discarded")
    return DONE


async def _redrive(settings: Settings, options: argparse.Namespace) -> int:
    status = DONE
    async with _rejecting(settings) as reject, models.opened(settings, (WRITE, READ), reject) as opened:
        for parked_id in options.ids or await _all_parked(settings):
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
    """A function that sends purchase a rejection; it connects to the broker on first use."""
    broker = choose(settings)

    async def reject(message: TicketRejected) -> None:
        await connect_with_retries(broker)
        await broker.reject(message)

    try:
        yield reject
    finally:
        await broker.application.stop()


@asynccontextmanager
async def _mysql(settings: Settings) -> AsyncIterator[AsyncConnection]:
    engine = open_mysql(settings.mysql_url)
    try:
        async with calling_mysql(), engine.begin() as connection:
            yield connection
    finally:
        await engine.dispose()


def _or_dash(value: object) -> object:
    return "-" if value is None else value


if __name__ == "__main__":
    sys.exit(main())
