"""The number of statements of a batch, which does not depend on its size, by MySQL's counters."""

from collections.abc import Sequence

import pytest
from contracts.codec import AnyMessage
from contracts.hold import SeatsHeld
from contracts.ticket import TicketPurchased
from message_terminal.read_model.projector import ReadModelProjector
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.stage.messages import cancelled, event_scheduled, purchased, seats_held
from tests.stage.projections import figures, rows

ZONES = 20
COUNTED = (
    "Com_select",
    "Com_insert",
    "Com_insert_select",
    "Com_update",
    "Com_update_multi",
    "Com_delete",
    "Com_commit",
)


async def test_the_server_is_mysql(engine: AsyncEngine) -> None:
    (row,) = await rows(engine, "SELECT version() AS version")
    assert "MariaDB" not in row["version"]


@pytest.mark.parametrize("count", [1, 20, 500, 2_000])
async def test_sales_take_three_reads_and_three_writes(
    read_model: ReadModelProjector, engine: AsyncEngine, count: int
) -> None:
    counts = await statements(engine, read_model, sales(count))
    assert counts == {"Com_select": 3, "Com_insert": 2, "Com_update_multi": 1, "Com_commit": 1}
    assert sum(sold for sold, _ in (await figures(engine)).values()) == count


@pytest.mark.parametrize("count", [1, 20, 500, 2_000])
async def test_cancellations_take_three_reads_and_three_writes(
    read_model: ReadModelProjector, engine: AsyncEngine, count: int
) -> None:
    sold = sales(count)
    await read_model.project(sold)
    counts = await statements(engine, read_model, [cancelled(sale, position="1-9999") for sale in sold])
    assert counts == {"Com_select": 3, "Com_update_multi": 3, "Com_commit": 1}
    assert await figures(engine) == {}


@pytest.mark.parametrize("count", [1, 20, 500])
async def test_holds_take_two_reads_and_three_writes(
    read_model: ReadModelProjector, engine: AsyncEngine, count: int
) -> None:
    counts = await statements(engine, read_model, holds(sales(count)))
    assert counts == {"Com_select": 2, "Com_insert": 1, "Com_update_multi": 1, "Com_delete": 1, "Com_commit": 1}


@pytest.mark.parametrize("count", [1, 20, 500])
async def test_sales_of_held_seats_take_one_read_and_one_write_more(
    read_model: ReadModelProjector, engine: AsyncEngine, count: int
) -> None:
    sold = sales(count, from_holds=True)
    await read_model.project(holds(sold))
    counts = await statements(engine, read_model, sold)
    assert counts == {"Com_select": 4, "Com_insert": 2, "Com_update_multi": 2, "Com_commit": 1}


async def test_a_mixed_batch_takes_three_reads_and_four_writes(
    read_model: ReadModelProjector, engine: AsyncEngine
) -> None:
    known, new = sales(500), sales(300, first_row=500)
    await read_model.project([event_scheduled(), *known])
    batch: list[AnyMessage] = [*new, *(cancelled(sale, position="1-9999") for sale in known)]
    counts = await statements(engine, read_model, batch)
    assert counts == {"Com_select": 3, "Com_insert": 1, "Com_update_multi": 3, "Com_commit": 1}


async def test_a_repeated_batch_writes_nothing(read_model: ReadModelProjector, engine: AsyncEngine) -> None:
    sold = sales(500)
    await read_model.project(sold)
    assert await statements(engine, read_model, sold) == {"Com_select": 3, "Com_commit": 1}


def sales(count: int, first_row: int = 1, *, from_holds: bool = False) -> list[TicketPurchased]:
    """Return sales of `count` seats in twenty zones."""
    return [
        purchased(
            zone_id=number % ZONES + 1,
            row=first_row + number // ZONES,
            hold=f"{number:032x}" if from_holds else None,
            position=f"1-{first_row + number}",
        )
        for number in range(count)
    ]


def holds(sold: Sequence[TicketPurchased]) -> list[SeatsHeld]:
    """Return the holds that precede these sales."""
    return [
        seats_held((int(sale.data.row), 1), hold=f"{number:032x}", zone_id=sale.data.zone_id, position="1-0")
        for number, sale in enumerate(sold)
    ]


async def statements(
    engine: AsyncEngine, read_model: ReadModelProjector, batch: Sequence[AnyMessage]
) -> dict[str, int]:
    """Return how many statements a batch takes, for each kind of statement that occurs."""
    before = await statements_so_far(engine)
    await read_model.project(batch)
    after = await statements_so_far(engine)
    return {kind: after[kind] - before[kind] for kind in COUNTED if after[kind] != before[kind]}


async def statements_so_far(engine: AsyncEngine) -> dict[str, int]:
    """Return how many statements of each kind the server has run since its start."""
    status = await rows(engine, "SHOW GLOBAL STATUS WHERE Variable_name LIKE 'Com\\_%'")
    return {row["Variable_name"]: int(row["Value"]) for row in status}
