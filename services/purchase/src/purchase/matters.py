"""What only a person can settle: `python -m purchase.matters list` tells it, `done ID` says that it is settled.

Exit status: 0 done; 1 there is no such matter; 3 Redis is away.
"""

import argparse
import asyncio
import sys

from purchase.attention import Attention, Raised
from purchase.settings import Settings
from purchase.store.connection import Unavailable, connect
from purchase.store.partitions import Partitions

DONE, NO_SUCH_MATTER, AWAY = 0, 1, 3


async def run(settings: Settings, asked: argparse.Namespace) -> int:
    """Do what was asked, and answer the exit status."""
    redis = connect(settings.redis_url)
    attention = Attention(Partitions(redis, count=settings.partitions, outbox_max=settings.outbox_max))
    try:
        if asked.verb == "done":
            return await _settle(attention, asked.id)
        for raised in await attention.waiting():
            print(_line(raised))
        return DONE
    except Unavailable:
        return _complain("Redis does not answer", AWAY)
    finally:
        await redis.aclose()


async def _settle(attention: Attention, matter: tuple[int, str]) -> int:
    if await attention.settle(*matter):
        return DONE
    return _complain("there is no such matter", NO_SUCH_MATTER)


def _line(raised: Raised) -> str:
    matter = raised.matter
    amount = f"{matter.amount_cents / 100:.2f} {matter.currency}" if matter.amount_cents is not None else "-"
    return (
        f"{raised.id}  {raised.at}  {matter.kind}  payment {matter.payment_id or '-'}  ticket {matter.ticket_id or '-'}"
        f"  {amount}  {matter.why}"
    )


def _complain(what: str, status: int) -> int:
    print(f"purchase: {what}", file=sys.stderr)
    return status


def _matter_id(text: str) -> tuple[int, str]:
    """`<partition>:<entry>`, as `list` tells it. Raises ValueError."""
    partition, _, entry = text.partition(":")
    if not entry.replace("-", "", 1).isdecimal():
        raise ValueError
    return int(partition), entry


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="purchase-matters", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("list", help="all of them, the oldest first")
    done = verbs.add_parser("done", help="one of them is settled")
    done.add_argument("id", type=_matter_id, metavar="ID")
    return parser


def main() -> int:
    return asyncio.run(run(Settings.read(), _parser().parse_args()))


if __name__ == "__main__":
    sys.exit(main())
