"""Sells out a zone with holds and payments, then checks that seats and money agree."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from infra_local.demo.crowd import seats_of
from infra_local.demo.paying_crowd import Sellout, sell_out
from infra_local.demo.verdict import Books, Holdings, books, holdings, read_model, wait_for, write_model

VENUE, EVENT = "Venue1", "Event1"


async def demonstrate(console: Console, gateway: str, dynamodb: str, sandbox: str) -> bool:
    """Sell out the zone of the sample event with the most free seats.

    Returns whether everything agrees in the end. Raises Stalled, aiohttp.ClientError.
    """
    free = Counter(seat.zone_id for seat in await seats_of(gateway, EVENT))
    if not free:
        console.print(f"{EVENT} is sold out. To sell it again: ./taskw down -- --purge, then ./taskw up")
        return False
    [(zone_id, seats)] = free.most_common(1)
    console.print(
        f"Selling zone {zone_id} of {EVENT}: {seats:,} seats. Some customers abandon their holds, which expire after "
        "two minutes."
    )
    before, books_before = await holdings(gateway, dynamodb, VENUE, EVENT), await books(sandbox)
    with _progress(console, seats) as on_progress:
        result = await sell_out(gateway, EVENT, zone_id, seats, seed=len(before.in_dynamodb), on_progress=on_progress)
    revenue = before.revenue + result.price

    async def in_mysql() -> int:
        return int((await read_model(gateway, VENUE, EVENT)).revenue == revenue)

    async def in_dynamodb() -> int:
        return len(result.tickets.keys() & await write_model(dynamodb, EVENT))

    async def in_the_books() -> int:
        now = await books(sandbox)
        return int(now.kept == books_before.kept + result.price and not now.open_authorisations)

    seconds = 0.0
    if not result.failed:
        waits = wait_for(1, in_mysql), wait_for(len(result.tickets), in_dynamodb), wait_for(1, in_the_books)
        seconds = max(await asyncio.gather(*waits))
    after, books_after = await holdings(gateway, dynamodb, VENUE, EVENT), await books(sandbox)
    return _report(console, result, (before, after), (books_before, books_after), zone_id, seconds)


def _report(
    console: Console,
    result: Sellout,
    models: tuple[Holdings, Holdings],
    provider: tuple[Books, Books],
    zone_id: int,
    seconds: float,
) -> bool:
    """Print the result. Returns whether everything agrees."""
    before, after = models
    captured, refunded = (getattr(provider[1], name) - getattr(provider[0], name) for name in ("captured", "refunded"))
    agrees = (
        len(result.tickets) == result.wanted == after.sold[zone_id] - before.sold[zone_id]
        and not result.failed
        and after.in_dynamodb == before.in_dynamodb | result.tickets.keys()
        and after.revenue - before.revenue == captured - refunded == result.price
        and not provider[1].open_authorisations
    )
    table = Table("", "", show_header=False, box=None)
    table.add_row("sold", f"{len(result.tickets):,} of {result.wanted:,} seats in {result.seconds:.1f} s")
    table.add_row("declined", f"{result.declined:,} cards; the customer then used another")
    table.add_row("released", f"{result.released:,} holds, before or during the payment")
    table.add_row("abandoned", f"{result.abandoned:,} holds, which then expired")
    table.add_row("cancelled", f"{result.cancelled:,} tickets")
    table.add_row("retries", f"{result.retried:,}, after a broken connection, a 502, 503 or 504")
    table.add_row("failed", f"{len(result.failed):,} {'; '.join(result.failed[:3])}")
    table.add_row("captured", f"{captured:,.2f}")
    table.add_row("refunded", f"{refunded:,.2f}")
    table.add_row("revenue", f"{after.revenue - before.revenue:,.2f}")
    table.add_row("open authorisations", f"{provider[1].open_authorisations:,}")
    table.add_row("all stores up to date", f"{seconds:.1f} s after the last answer")
    console.print(table)
    console.print(
        "Everything agrees." if agrees else "The figures do not agree.", style="bold green" if agrees else "bold red"
    )
    return agrees


@contextmanager
def _progress(console: Console, seats: int) -> Iterator[Callable[[Sellout], None]]:
    columns = (TextColumn("selling"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=seats)
        yield lambda so_far: progress.update(task, completed=len(so_far.tickets))
