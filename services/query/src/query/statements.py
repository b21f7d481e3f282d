"""The SQL. What answers no tickets costs the same however many were sold."""

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
"""One row with NULLs: the event has no zones; no row: there is no such event. So do the other two with zones."""

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
"""The columns of each row that are HELD, as "3,1,2", and those that are PAID.

One statement, so that no seat is missed that is sold in between. Told which zones there are, even if all of them, MySQL
and MariaDB walk past the holds that are over.
"""


def tickets_of_event(zone_id: int | None, status: str | None) -> Select[*tuple[Any, ...]]:
    """A page of tickets by ticket id; binds event_id, after, rows.

    Left to themselves MySQL and MariaDB walk through the whole event for a zone of it, so they are told where its
    tickets lie together.
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
