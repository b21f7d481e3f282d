"""A crowd against the running platform, and a verdict: was each seat sold once, and do both models know of it?"""

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

from infra_local.cli import CannotRun, running_way
from infra_local.composition import CompositionFailed
from infra_local.demo import paying
from infra_local.demo.crowd import Race, attempts_for, race, seats_of
from infra_local.demo.verdict import Holdings, Stalled, holdings, read_model, wait_for, write_model

VENUE, EVENT = "Venue1", "Event1"
DUPLICATES = 0.3

console = Console(highlight=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, race, tell; exit status 1 when anything does not agree."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--seats", type=int, default=2_000, help="how many free seats to race for (2,000)")
    parser.add_argument("--buyers", type=int, default=64, help="how many buy at the same time (64)")
    parser.add_argument("--pay", action="store_true", help="sell out a zone through hold and payment instead")
    command = parser.parse_args(arguments)
    if min(command.seats, command.buyers) < 1:
        parser.error("a race needs a seat and a buyer")
    try:
        at = running_way().addresses()
        if command.pay:
            agrees = asyncio.run(paying.demonstrate(console, at["gateway"], at["dynamodb"], at["sandbox"]))
        else:
            agrees = asyncio.run(demonstrate(at["gateway"], at["dynamodb"], command.seats, command.buyers))
    except (CannotRun, CompositionFailed) as obstacle:
        console.print(str(obstacle), style="red", markup=False)
        return 1
    except (Stalled, aiohttp.ClientError) as error:
        console.print(f"The platform did not keep up: {error}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0 if agrees else 1


async def demonstrate(gateway: str, dynamodb: str, seats: int, buyers: int) -> bool:
    """Race for so many free seats of the sample event; whether everything agrees in the end."""
    free = (await seats_of(gateway, EVENT))[:seats]
    if not free:
        console.print(f"{EVENT} is sold out: ./taskw down -- --purge, then ./taskw up, puts its seats on sale again")
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
    return tell(result, before, await holdings(gateway, dynamodb, VENUE, EVENT), len(free), max(seconds))


def tell(result: Race, before: Holdings, after: Holdings, seats: int, seconds: float) -> bool:
    """Print the verdict; whether everything agrees."""
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
    table.add_row("seats wanted", f"{seats:,}, some by several buyers: {result.decided:,} attempts")
    table.add_row(
        "sold", f"{len(result.sold):,} in {result.seconds:.1f} s, {result.decided / result.seconds:,.0f} attempts/s"
    )
    table.add_row("refused", f"{result.refused:,}")
    table.add_row("repeated", f"{result.repeated:,} after a broken connection, a 502, 503 or 504")
    table.add_row("failed", f"{len(result.failed):,} {'; '.join(result.failed[:3])}")
    table.add_row("tickets in DynamoDB", f"{len(after.in_dynamodb):,}, {len(before.in_dynamodb):,} of them from before")
    table.add_row("tickets in MySQL", f"{after.in_mysql:,}, {before.in_mysql:,} of them from before")
    table.add_row("revenue", f"{after.revenue:,.2f}, {before.revenue:,.2f} of it from before")
    table.add_row("the crowd paid", f"{price:,.2f}")
    table.add_row("both models had them", f"{seconds:.1f} s after the last answer")
    console.print(table)
    console.print(
        "Everything agrees." if agrees else "It does not agree.", style="bold green" if agrees else "bold red"
    )
    return agrees


@contextmanager
def _progress(attempts: int) -> Iterator[Callable[[Race], None]]:
    columns = (TextColumn("a crowd buys"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=attempts)
        yield lambda so_far: progress.update(task, completed=so_far.decided)


if __name__ == "__main__":
    sys.exit(main())
