"""A crowd races for the seats while processes are killed: each seat is sold once, in both models.

RACE_SEATS=78000 in front of the test command gives the seed's whole load.
"""

import os
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from functools import partial

import aiohttp
import pytest
from infra_local.demo.crowd import Race, attempts_for, race, seats_of
from infra_local.demo.verdict import read_model, wait_for, write_model

from tests.stage.platforms.on_sale import put_on_sale
from tests.stage.platforms.running import RunningPlatform, kill, restart, wait_until_ready

SEATS = int(os.environ.get("RACE_SEATS", "2000"))
DUPLICATES = 0.3


async def assert_models_agree(platform: RunningPlatform, venue_id: str, event_id: str, sold: Race) -> None:
    """Wait until both models have all the sold tickets, and assert that they have no others."""
    tickets = {ticket.ticket_id for ticket in sold.sold}
    dynamodb = platform.url_of("dynamodb")

    async def in_read_model() -> int:
        try:
            return sum((await read_model(platform.url, venue_id, event_id)).sold.values())
        except aiohttp.ClientResponseError:  # query is unavailable while its store is
            return 0

    async def in_write_model() -> int:
        return len(await write_model(dynamodb, event_id))

    await wait_for(len(tickets), in_read_model)
    await wait_for(len(tickets), in_write_model)
    assert await write_model(dynamodb, event_id) == tickets
    figures = await read_model(platform.url, venue_id, event_id)
    by_zone = Counter(ticket.seat.zone_id for ticket in sold.sold)
    assert {zone: count for zone, count in figures.sold.items() if count} == by_zone
    assert figures.revenue == sum(Decimal(str(ticket.price)) for ticket in sold.sold)


def spread(attempts: int, *outages: Callable[[], object]) -> Callable[[Race], None]:
    """Return a callback that causes these outages in turn, from 20 % to 80 % of the attempts."""
    step = 0.6 / len(outages)
    moments = {round(attempts * (0.2 + step * (place + 0.5))): outage for place, outage in enumerate(outages)}

    def cause(so_far: Race) -> None:
        if outage := moments.pop(so_far.decided, None):
            outage()

    return cause


async def race_with_kills(platform: RunningPlatform, killed: list[str]) -> None:
    """Race for the seats of an event of its own; assert that the kills change no result."""
    event = f"Race-{killed[0]}"
    put_on_sale(platform, "Venue1", event)
    seats = (await seats_of(platform.url, event))[:SEATS]
    attempts = attempts_for(seats, duplicates=DUPLICATES, seed=2)
    outages = spread(len(attempts), *(partial(kill, platform, name) for name in killed))
    result = await race(platform.url, "Venue1", event, attempts, on_progress=outages)
    assert result.failed == []
    assert len({ticket.seat for ticket in result.sold}) == len({ticket.ticket_id for ticket in result.sold}) == SEATS
    assert result.refused == len(attempts) - SEATS
    await assert_models_agree(platform, "Venue1", event, result)
    for name in killed:
        wait_until_ready(platform, name)


async def test_each_of_eighty_seats_is_sold_once_to_a_crowd(platform: RunningPlatform) -> None:
    put_on_sale(platform, "Venue2", "SmallRace")
    seats = await seats_of(platform.url, "SmallRace")
    assert len(seats) == 80
    result = await race(platform.url, "Venue2", "SmallRace", attempts_for(seats, duplicates=5.0, seed=1))
    assert result.failed == []
    assert len({ticket.seat for ticket in result.sold}) == len({ticket.ticket_id for ticket in result.sold}) == 80
    assert result.refused == 400
    await assert_models_agree(platform, "Venue2", "SmallRace", result)


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize(
    "killed",
    [
        pytest.param(["relay", "terminal-write", "purchase", "terminal-read"], id="services"),
        pytest.param(["gateway", "redis", "query", "mysql"], id="gateway-query-stores"),
    ],
)
async def test_each_seat_is_sold_once_in_both_models_though_processes_are_killed(
    platform: RunningPlatform, killed: list[str]
) -> None:
    await race_with_kills(platform, killed)


@pytest.mark.timeout(1_800)
async def test_each_seat_is_sold_once_in_both_models_though_the_broker_is_killed(platform: RunningPlatform) -> None:
    if not platform.keeps_messages:
        pytest.skip(f"{platform.broker} has its messages in memory only here, and loses them when it is killed")
    if platform.broker == "rabbitmq":
        # A quorum queue that is killed within minutes of its declaration finds no leader again.
        # After a restart it does.
        restart(platform, "rabbitmq")
    await race_with_kills(platform, [platform.broker])


@pytest.mark.timeout(1_800)
async def test_seats_are_sold_while_dynamodb_is_down_and_it_catches_up(platform: RunningPlatform) -> None:
    """DynamoDB is stopped, not killed: this platform does not decide which data survives a kill."""
    put_on_sale(platform, "Venue1", "Race-dynamodb")
    seats = (await seats_of(platform.url, "Race-dynamodb"))[:SEATS]
    outages = spread(len(seats), partial(platform.stop, "dynamodb"), partial(platform.start, "dynamodb"))
    result = await race(platform.url, "Venue1", "Race-dynamodb", seats, on_progress=outages)
    assert result.failed == []
    assert len(result.sold) == SEATS
    await assert_models_agree(platform, "Venue1", "Race-dynamodb", result)
