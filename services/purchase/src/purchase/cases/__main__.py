"""Cases that need a person: `python -m purchase.cases list` prints them, `done ID` closes one.

Exit status: 0 done; 1 no such case; 3 Redis is unavailable.
"""

import argparse
import asyncio
import sys

from purchase.cases.ledger import Cases, OpenCase
from purchase.settings import Settings
from purchase.store.connection import Unavailable, connect
from purchase.store.partitions import Partitions

DONE, NO_SUCH_CASE, UNAVAILABLE = 0, 1, 3


async def run(settings: Settings, command: argparse.Namespace) -> int:
    """Run the command and return the exit status."""
    redis = connect(settings.redis_url)
    cases = Cases(Partitions(redis, count=settings.partitions, outbox_max=settings.outbox_max))
    try:
        if command.verb == "done":
            return await _close(cases, command.id)
        for case in await cases.list_open():
            print(_line(case))
        return DONE
    except Unavailable:
        return _complain("Redis does not answer", UNAVAILABLE)
    finally:
        await redis.aclose()


async def _close(cases: Cases, case_id: tuple[int, str]) -> int:
    if await cases.close(*case_id):
        return DONE
    return _complain("there is no such case", NO_SUCH_CASE)


def _line(open_case: OpenCase) -> str:
    case = open_case.case
    amount = f"{case.amount_cents / 100:.2f} {case.currency}" if case.amount_cents is not None else "-"
    return (
        f"{open_case.id}  {open_case.opened_at}  {case.kind}  payment {case.payment_id or '-'}"
        f"  ticket {case.ticket_id or '-'}  {amount}  {case.why}"
    )


def _complain(problem: str, status: int) -> int:
    print(f"purchase: {problem}", file=sys.stderr)
    return status


def _case_id(text: str) -> tuple[int, str]:
    """Read `<partition>:<entry>`, as `list` prints it. Raises ValueError."""
    partition, _, entry = text.partition(":")
    if not entry.replace("-", "", 1).isdecimal():
        raise ValueError
    return int(partition), entry


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="purchase-cases", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("list", help="print the open cases, the oldest first")
    done = verbs.add_parser("done", help="close a case")
    done.add_argument("id", type=_case_id, metavar="ID")
    return parser


def main() -> int:
    return asyncio.run(run(Settings.read(), _parser().parse_args()))


if __name__ == "__main__":
    sys.exit(main())
