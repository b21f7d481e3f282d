"""The read model's projector on a real MySQL."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from uuid import uuid4

import pytest
from contracts.codec import AnyMessage
from contracts.hold import HoldExpired, HoldReleased
from message_terminal import metrics
from message_terminal.parking import Refused
from message_terminal.projector import DoubleSale
from message_terminal.read_model.projector import ReadModelProjector
from message_terminal.stores import StoreUnavailable
from sqlalchemy import text
from sqlalchemy.exc import DataError
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.stage.messages import (
    HOLD,
    LATER,
    MOMENT,
    OTHER_HOLD,
    PARTITION,
    cancelled,
    event_scheduled,
    hold_expired,
    hold_released,
    many_purchased,
    payment_captured,
    payment_refunded,
    purchased,
    seats_held,
    venue_defined,
    zone,
)
from tests.stage.projections import Rows, figures, parked, position, rows


def gaps() -> float:
    """The gaps that this process has counted."""
    return next(iter(metrics.projection_gaps_total.collect())).samples[0].value


async def test_a_sale_is_stored_with_all_its_fields(read_model: ReadModelProjector, engine: AsyncEngine) -> None:
    sale = purchased(row=10, column=28, generation=4)
    await read_model.project([sale])
    (row,) = await rows(engine, "SELECT * FROM ticket")
    assert row == {
        "ticket_id": str(sale.data.ticket_id),
        "event_id": "Event2",
        "venue_id": "Venue2",
        "zone_id": 1,
        "seat_row": 10,
        "seat_column": 28,
        "generation": 4,
        "revision": 1,
        "status": "PAID",
        "price_cents": 2_500,
        "currency": "USD",
        "created_on": datetime(2029, 11, 22, 19, 30, 0, 123456),
        "cancelled_on": None,
    }
    assert await figures(engine) == {1: (1, 2_500)}
    assert await position(engine, PARTITION) == "1-2"


async def test_a_cancelled_ticket_is_no_longer_counted(read_model: ReadModelProjector, engine: AsyncEngine) -> None:
    kept, ended = purchased(), purchased(row=2, position="1-3")
    await read_model.project([kept, ended])
    await read_model.project([cancelled(ended, position="1-4")])
    assert await figures(engine) == {1: (1, 2_500)}
    (row,) = await rows(engine, "SELECT * FROM ticket WHERE status = 'CANCELLED'")
    assert (row["ticket_id"], row["revision"]) == (str(ended.data.ticket_id), 2)
    assert row["cancelled_on"] == datetime(2029, 11, 23, 8, 0, 0, 1)


async def test_a_sale_that_arrives_after_its_cancellation_changes_nothing(
    read_model: ReadModelProjector, engine: AsyncEngine
) -> None:
    sale = purchased()
    await read_model.project([cancelled(sale)])
    before = await rows(engine, "SELECT * FROM ticket")
    await read_model.project([sale])
    assert await rows(engine, "SELECT * FROM ticket") == before
    assert await figures(engine) == {}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
@pytest.mark.parametrize("together", [True, False])
async def test_cancellation_and_resale_have_the_same_result_in_any_order(
    read_model: ReadModelProjector, engine: AsyncEngine, order: tuple[int, ...], together: bool
) -> None:
    first, second = purchased(), purchased(generation=2, price_cents=3_000, position="1-4")
    history: list[AnyMessage] = [first, cancelled(first), second]
    arrived = [history[number] for number in order]
    for messages in [arrived] if together else [[message] for message in arrived]:
        await read_model.project(messages)
    stored = await rows(engine, "SELECT ticket_id, status FROM ticket ORDER BY generation")
    assert [(row["ticket_id"], row["status"]) for row in stored] == [
        (str(first.data.ticket_id), "CANCELLED"),
        (str(second.data.ticket_id), "PAID"),
    ]
    assert await figures(engine) == {1: (1, 3_000)}


async def test_repeating_a_batch_changes_nothing(read_model: ReadModelProjector, engine: AsyncEngine) -> None:
    batch: list[AnyMessage] = [venue_defined(), event_scheduled(), *many_purchased(300)]
    before = gaps()
    for messages in (batch, batch, batch[100:], batch[:100]):
        await read_model.project(messages)
    assert await figures(engine) == {1: (300, 750_000)}
    assert await position(engine, PARTITION) == "1-301"
    assert gaps() == before


async def test_a_held_seat_is_stored_with_all_its_fields(read_model: ReadModelProjector, engine: AsyncEngine) -> None:
    await read_model.project([seats_held((10, 28))])
    assert await held(engine) == [
        {
            "hold_reference": HOLD,
            "event_id": "Event2",
            "zone_id": 1,
            "seat_row": 10,
            "seat_column": 28,
            "status": "HELD",
            "held_until": datetime(2029, 11, 23, 8, 0, 0, 1),
            "epoch": 1,
            "sequence": 2,
        }
    ]
    assert await position(engine, PARTITION) == "1-2"


async def test_a_newer_message_of_a_hold_changes_its_end(read_model: ReadModelProjector, engine: AsyncEngine) -> None:
    seats = [(1, 1), (1, 2)]
    await read_model.project([seats_held(*seats, expires_at=LATER)])
    await read_model.project([seats_held(*seats, expires_at=MOMENT, position="2-0")])
    await read_model.project([seats_held(*seats, expires_at=LATER, position="1-9")])
    assert [(row["held_until"], row["epoch"]) for row in await held(engine)] == [
        (datetime(2029, 11, 22, 19, 30, 0, 123456), 2)
    ] * 2


@pytest.mark.parametrize("end", [hold_released, hold_expired])
async def test_the_end_of_a_hold_frees_only_its_own_seats(
    read_model: ReadModelProjector, engine: AsyncEngine, end: Callable[..., HoldReleased | HoldExpired]
) -> None:
    first = seats_held((1, 1), (1, 2))
    second = seats_held((1, 2), (1, 3), hold=OTHER_HOLD, position="1-3")
    await read_model.project([first, second])
    await read_model.project([end(first, position="1-4")])
    assert seats_on_hold(await held(engine)) == {(OTHER_HOLD, 2), (OTHER_HOLD, 3)}


async def test_a_sale_ends_its_hold_for_the_sold_seat(read_model: ReadModelProjector, engine: AsyncEngine) -> None:
    await read_model.project([seats_held((1, 1), (1, 2), (1, 3))])
    sales = [purchased(column=column, hold=HOLD, position=f"1-{column + 2}") for column in (1, 2)]
    await read_model.project([*sales, cancelled(sales[0], position="1-5")])
    assert seats_on_hold(await held(engine)) == {(HOLD, 3)}
    assert await figures(engine) == {1: (1, 2_500)}


async def test_a_sale_without_a_hold_adds_no_held_seat(read_model: ReadModelProjector, engine: AsyncEngine) -> None:
    await read_model.project([purchased()])
    assert await held(engine) == []


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 1, 0, 3), (3, 0, 2, 1)])
@pytest.mark.parametrize("together", [True, False])
async def test_holds_of_a_seat_have_the_same_result_in_any_order(
    read_model: ReadModelProjector, engine: AsyncEngine, order: tuple[int, ...], together: bool
) -> None:
    expired, confirmed = seats_held(), seats_held(hold=OTHER_HOLD, position="1-3")
    history: list[AnyMessage] = [
        expired,
        confirmed,
        hold_expired(expired, position="1-4"),
        purchased(hold=OTHER_HOLD, position="1-5"),
    ]
    arrived = [history[number] for number in order]
    for messages in [arrived] if together else [[message] for message in arrived]:
        await read_model.project(messages)
    assert [(row["hold_reference"], row["status"], row["sequence"]) for row in await held(engine)] == [
        (HOLD, "ENDED", 4),
        (OTHER_HOLD, "ENDED", 5),
    ]


async def test_old_held_seats_are_deleted_when_their_zone_has_a_new_hold(
    read_model: ReadModelProjector, engine: AsyncEngine
) -> None:
    await read_model.project([seats_held(), seats_held(zone_id=2), seats_held((1, 2), position="1-3")])
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE held_seat SET held_until = '2025-01-01' WHERE seat_column = 1"))
    await read_model.project([seats_held((1, 3), hold=OTHER_HOLD, position="1-4")])
    assert [(row["zone_id"], row["seat_column"]) for row in await held(engine)] == [(1, 2), (2, 1), (1, 3)]


async def test_payments_change_the_position_and_nothing_else(
    read_model: ReadModelProjector, engine: AsyncEngine
) -> None:
    await read_model.project([payment_captured(), payment_refunded()])
    assert await position(engine, PARTITION) == "1-3"
    assert await held(engine) == []
    assert await rows(engine, "SELECT * FROM ticket") == []


async def test_an_event_sets_geometry_and_price_of_its_zones(
    read_model: ReadModelProjector, engine: AsyncEngine
) -> None:
    await read_model.project([event_scheduled()])
    (event,) = await rows(engine, "SELECT * FROM event")
    assert (event["event_id"], event["venue_id"], event["name"]) == ("Event2", "Venue2", "Event2")
    assert event["sales_open_at"] == datetime(2029, 11, 22, 19, 30, 0, 123456)
    zones = await rows(engine, "SELECT * FROM zone_sales ORDER BY zone_id")
    assert [tuple(row.values()) for row in zones] == [
        ("Event2", 1, 5, 8, 2_500, 0, 0),
        ("Event2", 2, 5, 8, 5_000, 0, 0),
    ]


async def test_sales_that_arrive_before_their_event_are_counted(
    read_model: ReadModelProjector, engine: AsyncEngine
) -> None:
    await read_model.project([purchased()])
    (before,) = await rows(engine, "SELECT * FROM zone_sales")
    assert (before["row_count"], before["price_cents"], before["sold_count"]) == (None, None, 1)
    await read_model.project([event_scheduled()])
    zones = await rows(engine, "SELECT * FROM zone_sales ORDER BY zone_id")
    assert [(row["row_count"], row["sold_count"]) for row in zones] == [(5, 1), (5, 0)]


async def test_a_zone_that_is_removed_from_its_event_keeps_its_sales_and_loses_its_geometry(
    read_model: ReadModelProjector, engine: AsyncEngine
) -> None:
    await read_model.project([event_scheduled(), purchased()])
    await read_model.project([event_scheduled(zones=[zone(2, price_cents=700), zone(3)], position="1-9")])
    zones = await rows(engine, "SELECT * FROM zone_sales ORDER BY zone_id")
    assert [(row["zone_id"], row["row_count"], row["price_cents"], row["sold_count"]) for row in zones] == [
        (1, None, None, 1),
        (2, 5, 700, 0),
        (3, 5, 2_500, 0),
    ]


async def test_an_older_catalogue_message_changes_nothing(read_model: ReadModelProjector, engine: AsyncEngine) -> None:
    await read_model.project([venue_defined(name="new", position="1-10"), event_scheduled(name="new", position="1-11")])
    await read_model.project([venue_defined(name="old", position="1-9"), event_scheduled(name="old", position="1-2")])
    assert [row["name"] for row in await rows(engine, "SELECT name FROM venue UNION ALL SELECT name FROM event")] == [
        "new",
        "new",
    ]


async def test_a_newer_epoch_beats_a_higher_sequence(read_model: ReadModelProjector, engine: AsyncEngine) -> None:
    await read_model.project([event_scheduled(name="old", position="1-500")])
    await read_model.project([event_scheduled(name="new", position="2-0")])
    await read_model.project([event_scheduled(name="old", position="1-501")])
    assert [row["name"] for row in await rows(engine, "SELECT name FROM event")] == ["new"]
    assert await position(engine, PARTITION) == "2-0"


async def test_text_in_any_script_is_stored_unchanged(read_model: ReadModelProjector, engine: AsyncEngine) -> None:
    name = "Größe 東京 🎟 \\ ' % :rows"
    await read_model.project([venue_defined(name="first"), event_scheduled(name=name)])
    await read_model.project([venue_defined(name=name, position="1-2")])
    assert [row["name"] for row in await rows(engine, "SELECT name FROM venue UNION SELECT name FROM event")] == [name]


async def test_a_double_sale_is_refused(read_model: ReadModelProjector, engine: AsyncEngine) -> None:
    await read_model.project([purchased()])
    with pytest.raises(DoubleSale):
        await read_model.project([purchased(row=2, position="1-3"), purchased(position="1-4")])
    assert await figures(engine) == {1: (1, 2_500)}
    assert await position(engine, PARTITION) == "1-2"


async def test_the_cancellation_of_a_double_sale_changes_nothing(
    read_model: ReadModelProjector, engine: AsyncEngine
) -> None:
    await read_model.project([purchased()])
    before = await rows(engine, "SELECT * FROM ticket")
    await read_model.project([cancelled(purchased(), position="1-3")], [Refused(b"?", "no batch")])
    assert await rows(engine, "SELECT * FROM ticket") == before
    assert await figures(engine) == {1: (1, 2_500)}
    assert await position(engine, PARTITION) == "1-3"
    assert [row["body"] for row in await parked(engine)] == [b"?"]


async def test_an_impossible_date_stores_nothing(read_model: ReadModelProjector, engine: AsyncEngine) -> None:
    with pytest.raises(ValueError, match="day is out of range"):
        await read_model.project([purchased(row=2), purchased(created_on="2030-02-30T00:00:00.000000Z")])
    assert await rows(engine, "SELECT * FROM ticket") == []


async def test_a_value_out_of_range_is_a_data_error(read_model: ReadModelProjector) -> None:
    with pytest.raises(DataError):
        await read_model.project([purchased(generation=2**32)])


async def test_without_a_position_row_nothing_is_projected(read_model: ReadModelProjector, engine: AsyncEngine) -> None:
    with pytest.raises(StoreUnavailable, match=r"fewer partitions, without \[63\]"):
        await read_model.project([purchased(), purchased(partition=63)])
    assert await rows(engine, "SELECT * FROM ticket") == []


async def test_a_refused_message_is_parked_and_counts_as_projected(
    read_model: ReadModelProjector, engine: AsyncEngine
) -> None:
    before = gaps()
    unknown = b'{"type":"seat.upgraded.v9","partition":3,"position":"1-0"}'
    await read_model.project([purchased(position="1-1")], [Refused(unknown, "unknown type")])
    (row,) = await parked(engine)
    assert (row["model"], row["message_type"], row["partition_id"]) == ("read", "seat.upgraded.v9", 3)
    assert (row["epoch"], row["sequence"], row["reason"], row["times"], row["body"]) == (
        1,
        0,
        "unknown type",
        1,
        unknown,
    )
    assert await position(engine, PARTITION) == "1-1"
    assert gaps() == before


async def test_a_message_that_is_parked_again_is_counted_again(
    read_model: ReadModelProjector, engine: AsyncEngine
) -> None:
    for reason in ("first", "second"):
        await read_model.project([], [Refused(b"?", reason), Refused(b"!", reason)])
    assert [(row["body"], row["times"], row["reason"]) for row in await parked(engine)] == [
        (b"?", 2, "second"),
        (b"!", 2, "second"),
    ]
    assert all(row["first_parked_on"] < row["last_parked_on"] for row in await parked(engine))


async def test_skipped_positions_are_counted_as_gaps(read_model: ReadModelProjector, engine: AsyncEngine) -> None:
    before = gaps()
    await read_model.project([purchased(position="1-0"), purchased(row=2, position="1-2")])
    assert gaps() == before + 1
    assert await position(engine, PARTITION) == "1-2"


async def test_two_concurrent_projectors_count_each_sale_once(
    read_model: ReadModelProjector, engine: AsyncEngine
) -> None:
    sales = many_purchased(400)
    batches: list[list[AnyMessage]] = [[*sales[start : start + 50]] for start in range(0, 400, 50)]
    ends: list[AnyMessage] = [cancelled(sale, position="1-500") for sale in sales[::4]]
    rival = ReadModelProjector(engine)
    await asyncio.gather(*(project(one, [*batches, ends]) for one in (read_model, rival)))
    assert await figures(engine) == {1: (300, 750_000)}


async def test_projectors_of_different_partitions_do_not_conflict(
    read_model: ReadModelProjector, engine: AsyncEngine
) -> None:
    work = [many_purchased(300, event_id=f"Event{number}", partition=number) for number in range(4)]
    await asyncio.gather(*(project(read_model, [sales[:100], sales[100:200], sales[200:]]) for sales in work))
    for number in range(4):
        assert await figures(engine, f"Event{number}") == {1: (300, 750_000)}


async def test_the_wait_for_another_projector_s_lock_has_a_timeout(
    read_model: ReadModelProjector, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("message_terminal.stores.TRANSACTION_SECONDS", 0.3)
    async with engine.begin() as other:
        await other.execute(text("SELECT * FROM projection_position WHERE partition_id = 3 FOR UPDATE"))
        with pytest.raises(StoreUnavailable):
            await read_model.project([purchased()])
    await read_model.project([purchased()])
    assert await figures(engine) == {1: (1, 2_500)}


async def test_a_message_that_is_repeated_in_a_batch_is_counted_once(
    read_model: ReadModelProjector, engine: AsyncEngine
) -> None:
    sale = purchased(uuid4())
    await read_model.project([sale, sale, cancelled(sale), sale])
    assert await figures(engine) == {}
    assert len(await rows(engine, "SELECT * FROM ticket")) == 1


async def held(engine: AsyncEngine) -> Rows:
    """Return all rows of held seats."""
    return await rows(engine, "SELECT * FROM held_seat ORDER BY hold_reference, zone_id, seat_column")


def seats_on_hold(held_seats: Rows) -> set[tuple[str, int]]:
    """Hold and column of each seat that is held."""
    return {(row["hold_reference"], row["seat_column"]) for row in held_seats if row["status"] == "HELD"}


async def project(model: ReadModelProjector, batches: Iterable[Sequence[AnyMessage]]) -> None:
    """Project batch by batch, with retries while a store is busy."""
    for batch in batches:
        while True:
            try:
                await model.project(batch)
                break
            except StoreUnavailable:
                await asyncio.sleep(0.01)
