"""The SQL of every query.

The cost of a statement that returns no tickets does not depend on how many were sold.
"""

from typing import Any

from sqlalchemy import Select, Table, and_, bindparam, func, literal, select, text, union_all

from query.tables import SEAT_SALE, event, held_seat, projection_position, ticket, venue, zone_sales

HELD = "HELD"
PAID = "PAID"

TICKET_COLUMNS = (
    ticket.c.ticket_id,
    ticket.c.venue_id,
    ticket.c.event_id,
    ticket.c.zone_id,
    ticket.c.seat_row,
    ticket.c.seat_column,
    ticket.c.status,
    ticket.c.price_cents,
    ticket.c.currency,
    ticket.c.created_on,
)
ZONE_COLUMNS = (zone_sales.c.zone_id, zone_sales.c.price_cents, zone_sales.c.row_count, zone_sales.c.col_count)
VENUE_COLUMNS = (venue.c.venue_id, venue.c.name, venue.c.city, venue.c.currency)

_THIS_EVENT = event.c.event_id == bindparam("event_id")
_PART_OF_EVENT = zone_sales.c.row_count.is_not(None)
_WITH_ITS_ZONES = event.outerjoin(zone_sales, and_(zone_sales.c.event_id == event.c.event_id, _PART_OF_EVENT))

PARTITIONS = select(func.count().label("partitions")).select_from(projection_position)

POSITIONS = select(
    projection_position.c.partition_id, projection_position.c.epoch, projection_position.c.sequence
).where(
    projection_position.c.partition_id.in_(bindparam("partitions", expanding=True)),
    projection_position.c.epoch.is_not(None),
)

TICKETS_BY_ID = select(*TICKET_COLUMNS).where(ticket.c.ticket_id.in_(bindparam("ticket_ids", expanding=True)))

EVENT_EXISTS = select(event.c.event_id).where(_THIS_EVENT)

EVENT_COUNT = (
    select(zone_sales.c.zone_id, zone_sales.c.sold_count)
    .select_from(_WITH_ITS_ZONES)
    .where(_THIS_EVENT)
    .order_by(zone_sales.c.zone_id)
)
"""One row of NULLs when the event has no zones, no row when there is no such event.

EVENT_REVENUE and EVENT_WITH_ZONES distinguish the two cases likewise.
"""

EVENT_REVENUE = (
    select(
        event.c.currency,
        func.coalesce(func.sum(zone_sales.c.sold_count), 0).label("sold_count"),
        func.coalesce(func.sum(zone_sales.c.revenue_cents), 0).label("revenue_cents"),
    )
    .select_from(event.outerjoin(zone_sales, zone_sales.c.event_id == event.c.event_id))
    .where(_THIS_EVENT, event.c.venue_id == bindparam("venue_id"))
    .group_by(event.c.event_id, event.c.currency)
)

EVENT_WITH_ZONES = (
    select(event, *ZONE_COLUMNS).select_from(_WITH_ITS_ZONES).where(_THIS_EVENT).order_by(zone_sales.c.zone_id)
)

EVENTS = select(event).where(event.c.event_id > bindparam("after")).order_by(event.c.event_id).limit(bindparam("rows"))

VENUE = select(*VENUE_COLUMNS, venue.c.zones).where(venue.c.venue_id == bindparam("venue_id"))

VENUES = (
    select(*VENUE_COLUMNS)
    .where(venue.c.venue_id > bindparam("after"))
    .order_by(venue.c.venue_id)
    .limit(bindparam("rows"))
)


def _columns_of_rows(seats: Table, status: str) -> Select[*tuple[Any, ...]]:
    return (
        select(
            literal(status).label("status"),
            seats.c.zone_id,
            seats.c.seat_row,
            func.group_concat(seats.c.seat_column).label("columns"),
        )
        .where(
            seats.c.event_id == bindparam("event_id"),
            seats.c.zone_id.in_(bindparam("zone_ids", expanding=True)),
            seats.c.status == status,
        )
        .group_by(seats.c.zone_id, seats.c.seat_row)
    )


TAKEN_SEATS = union_all(
    _columns_of_rows(held_seat, HELD).where(held_seat.c.held_until > func.utc_timestamp(text("6"))),
    _columns_of_rows(ticket, PAID),
)
"""The HELD columns of each seat row, as text like "3,1,2", and the PAID ones.

One statement, so that a seat sold between two reads is not missed. `zone_ids` is bound even for
all zones: with it, MySQL and MariaDB skip the expired holds by index.
"""


def tickets_of_event(zone_id: int | None, status: str | None) -> Select[*tuple[Any, ...]]:
    """Select a page of tickets by ticket id; binds event_id, after, rows.

    For one zone of an event MySQL and MariaDB would scan the whole event. The index hint makes them
    read the zone's tickets only.
    """
    page = (
        select(*TICKET_COLUMNS)
        .join_from(ticket, event, event.c.event_id == ticket.c.event_id)
        .where(_THIS_EVENT, ticket.c.ticket_id > bindparam("after"))
        .order_by(ticket.c.ticket_id)
        .limit(bindparam("rows"))
    )
    if zone_id is not None:
        page = page.where(ticket.c.zone_id == zone_id).with_hint(ticket, f"FORCE INDEX ({SEAT_SALE})")
    return page if status is None else page.where(ticket.c.status == status)
