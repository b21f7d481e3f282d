"""The original project's load: buyers race for all seats, then both models are checked."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from infra_local.demo.crowd import Race, Seat, attempts_for, race, seats_of
from infra_local.demo.verdict import ReadModel, read_model, wait_for, write_model

from tests.bench import processes
from tests.bench.figures import Load, Origin
from tests.bench.models import projected, wait_for_both
from tests.bench.sales import VENUE
from tests.stage.platforms import private
from tests.stage.platforms.on_sale import put_on_sale

EVENT = "SeedsLoad"
CROWD = "crowd"
DEAREST = Decimal("320.00")
ZONES_AT_A_PRICE = 20


class Disagreement(Exception):
    """The sales are wrong, or a model does not agree with them."""


def measure(origin: Origin, seats: int, duplicates: float) -> Load:
    """Sell `seats` seats, with `duplicates` × as many more attempts.

    Raises Disagreement, Stalled.
    """
    with private.running() as platform:
        put_on_sale(platform, VENUE, EVENT)
        return asyncio.run(_measure(platform, origin, seats, duplicates))


async def _measure(platform: private.PrivatePlatform, origin: Origin, seats: int, duplicates: float) -> Load:
    wanted = (await seats_of(platform.url, EVENT))[:seats]
    attempts = attempts_for(wanted, duplicates=duplicates, seed=round(duplicates * 10))
    parts, before = platform.process_ids(), await projected(platform)

    cpu_before, own_before = processes.cpu_seconds(parts), time.process_time()
    result = await race(platform.url, VENUE, EVENT, attempts)
    own = time.process_time() - own_before
    behind = await wait_for_both(platform, VENUE, EVENT, len(result.sold), before)
    cpu = processes.cpu_seconds(parts)
    memory = processes.resident(parts)

    await _check(platform, wanted, len(attempts), result)
    used = {part: cpu[part] - cpu_before[part] for part in parts} | {CROWD: own}
    return Load(
        origin=origin,
        duplicates=duplicates,
        seats=len(wanted),
        attempts=len(attempts),
        refused=result.refused,
        repeated=result.retried,
        seconds=result.seconds,
        read_model_seconds=behind.read_model,
        write_model_seconds=behind.write_model,
        cpu_us={part: seconds / len(wanted) * 1e6 for part, seconds in used.items()},
        memory=memory,
    )


async def _check(platform: private.PrivatePlatform, wanted: Sequence[Seat], attempts: int, result: Race) -> None:
    """Compare the sales with both models. Raises Disagreement, Stalled."""
    dynamodb = platform.url_of("dynamodb")

    async def in_write_model() -> int:
        return len(await write_model(dynamodb, EVENT))

    await wait_for(len(result.sold), in_write_model)
    errors = find_errors(
        wanted, attempts, result, await read_model(platform.url, VENUE, EVENT), await write_model(dynamodb, EVENT)
    )
    if errors:
        raise Disagreement("; ".join(errors))


def find_errors(
    wanted: Sequence[Seat], attempts: int, result: Race, in_read_model: ReadModel, in_write_model: set[str]
) -> list[str]:
    """List the violations of: every seat sold once, other attempts refused, both models agree."""
    tickets = {sold.ticket_id for sold in result.sold}
    revenue = sum((price_of(seat.zone_id) for seat in wanted), Decimal(0))
    of_zones = Counter(seat.zone_id for seat in wanted)
    conditions = {
        f"failed: {result.failed[:3]}": not result.failed,
        f"{len(result.sold)} sold of {len(wanted)} seats": Counter(sold.seat for sold in result.sold)
        == Counter(wanted),
        f"{len(tickets)} distinct tickets": len(tickets) == len(wanted),
        f"{result.refused} of {attempts} attempts refused": result.refused == attempts - len(wanted),
        f"counts {in_read_model.sold}": {zone: count for zone, count in in_read_model.sold.items() if count}
        == of_zones,
        f"revenue {in_read_model.revenue}, not {revenue}": in_read_model.revenue == revenue,
        f"{len(in_write_model ^ tickets)} tickets differ in the write model": in_write_model == tickets,
    }
    return [error for error, is_met in conditions.items() if not is_met]


def price_of(zone_id: int) -> Decimal:
    """Return the price in a zone of the sample venue: 320.00 in zones 1–20, half in the next 20…"""
    return DEAREST / Decimal(2) ** ((zone_id - 1) // ZONES_AT_A_PRICE)
