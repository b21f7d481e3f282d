"""Let buyers race for seats of the running platform, then check that all stores agree.

Each seat must be sold exactly once, and both models must contain each sale.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal

import aiohttp
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from infra_local.cli import CannotRun, current_runtime
from infra_local.composition import CompositionFailed
from infra_local.demo import paying
from infra_local.demo.crowd import Race, attempts_for, race, seats_of
from infra_local.demo.verdict import Holdings, Stalled, holdings, read_model, wait_for, write_model

VENUE, EVENT = "Venue1", "Event1"
DUPLICATES = 0.3

console = Console(highlight=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status: 1 if anything does not agree."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--seats", type=int, default=2_000, help="number of free seats to race for (2,000)")
    parser.add_argument("--buyers", type=int, default=64, help="number of concurrent buyers (64)")
    parser.add_argument("--pay", action="store_true", help="instead, sell out one zone with holds and payments")
    command = parser.parse_args(arguments)
    if min(command.seats, command.buyers) < 1:
        parser.error("--seats and --buyers must be at least 1")
    try:
        at = current_runtime().addresses()
        if command.pay:
            agrees = asyncio.run(paying.demonstrate(console, at["gateway"], at["dynamodb"], at["sandbox"]))
        else:
            agrees = asyncio.run(demonstrate(at["gateway"], at["dynamodb"], command.seats, command.buyers))
    except (CannotRun, CompositionFailed) as obstacle:
        console.print(str(obstacle), style="red", markup=False)
        return 1
    except (Stalled, aiohttp.ClientError) as error:
        console.print(f"The demonstration failed: {error}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0 if agrees else 1


async def demonstrate(gateway: str, dynamodb: str, seats: int, buyers: int) -> bool:
    """Race for `seats` free seats of the sample event. Returns whether everything agrees."""
    free = (await seats_of(gateway, EVENT))[:seats]
    if not free:
        console.print(f"{EVENT} is sold out. To sell it again: ./taskw down -- --purge, then ./taskw up")
        return False
    before = await holdings(gateway, dynamodb, VENUE, EVENT)
    attempts = attempts_for(free, duplicates=DUPLICATES, seed=len(before.in_dynamodb))
    with _progress(len(attempts)) as on_progress:
        result = await race(gateway, VENUE, EVENT, attempts, buyers=buyers, on_progress=on_progress)
    wanted = before.in_mysql + len(result.sold)

    async def in_mysql() -> int:
        return sum((await read_model(gateway, VENUE, EVENT)).sold.values())

    async def in_dynamodb() -> int:
        return len(await write_model(dynamodb, EVENT))

    seconds = await asyncio.gather(wait_for(wanted, in_mysql), wait_for(wanted, in_dynamodb))
    return report(result, before, await holdings(gateway, dynamodb, VENUE, EVENT), len(free), max(seconds))


def report(result: Race, before: Holdings, after: Holdings, seats: int, seconds: float) -> bool:
    """Print the result. Returns whether everything agrees."""
    tickets = {sold.ticket_id for sold in result.sold}
    price = sum((Decimal(str(sold.price)) for sold in result.sold), Decimal(0))
    agrees = (
        len(tickets) == len({sold.seat for sold in result.sold}) == seats
        and not result.failed
        and after.in_dynamodb == before.in_dynamodb | tickets
        and after.in_mysql == before.in_mysql + seats
        and after.revenue == before.revenue + price
    )
    table = Table("", "", show_header=False, box=None)
    table.add_row("attempts", f"{result.decided:,} for {seats:,} seats; several buyers want the same seat")
    table.add_row(
        "sold", f"{len(result.sold):,} in {result.seconds:.1f} s, {result.decided / result.seconds:,.0f} attempts/s"
    )
    table.add_row("refused", f"{result.refused:,}, because the seat was taken")
    table.add_row("retries", f"{result.retried:,}, after a broken connection, a 502, 503 or 504")
    table.add_row("failed", f"{len(result.failed):,} {'; '.join(result.failed[:3])}")
    table.add_row("tickets in DynamoDB", f"{len(after.in_dynamodb):,}, {len(before.in_dynamodb):,} before")
    table.add_row("tickets in MySQL", f"{after.in_mysql:,}, {before.in_mysql:,} before")
    table.add_row("revenue", f"{after.revenue:,.2f}, {before.revenue:,.2f} before")
    table.add_row("buyers paid", f"{price:,.2f}")
    table.add_row("models up to date", f"{seconds:.1f} s after the last answer")
    console.print(table)
    console.print(
        "Everything agrees." if agrees else "The figures do not agree.", style="bold green" if agrees else "bold red"
    )
    return agrees


@contextmanager
def _progress(attempts: int) -> Iterator[Callable[[Race], None]]:
    columns = (TextColumn("buying"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=attempts)
        yield lambda so_far: progress.update(task, completed=so_far.decided)


if __name__ == "__main__":
    sys.exit(main())
