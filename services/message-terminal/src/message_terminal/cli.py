"""The terminal's operations: set everything up, and look after parked messages.

Exit status: 0 done; 1 something could not be done, or stays parked; 2 wrong usage or setting; 3 a store is away.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence

from message_terminal.settings import Settings, WrongSetting, configure_logging, load
from message_terminal.setup import SetupFailed, set_up

DONE, NOT_DONE, WRONG_USAGE, AWAY = range(4)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, do it, and answer the exit status."""
    command = _parser().parse_args(arguments)
    try:
        settings = load(os.environ)
    except WrongSetting as error:
        print(f"message-terminal: {error}", file=sys.stderr)
        return WRONG_USAGE
    configure_logging(settings.logging_config)
    status: int = asyncio.run(command.run(settings, command))
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="message-terminal", description=__doc__)
    commands = parser.add_subparsers(required=True)
    commands.add_parser("setup", help="make exchange, queues and tables").set_defaults(run=_set_up)
    return parser


async def _set_up(settings: Settings, _: argparse.Namespace) -> int:
    try:
        await set_up(settings)
    except SetupFailed as error:
        print(f"message-terminal: {error}", file=sys.stderr)
        return AWAY
    return DONE


if __name__ == "__main__":
    sys.exit(main())
