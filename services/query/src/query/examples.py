"""The example answers on the OpenAPI page, one of each kind."""

from datetime import date
from decimal import Decimal

from query.answers import (
    Event,
    EventCount,
    EventPage,
    EventSummary,
    Revenue,
    SeatMap,
    Ticket,
    TicketPage,
    Venue,
    VenuePage,
    VenueSummary,
    Zone,
    ZoneCount,
    ZoneSeats,
)

TICKET = Ticket(
    ticket_id="0198c5d2-7a31-7b2c-8f4e-3f1f0a2b4c5d",
    venue_id="Venue2",
    event_id="Event2",
    zone_id=1,
    row="1",
    column="b",
    status="PAID",
    price=Decimal("25.0"),
    currency="USD",
    created_on="2029-11-22T19:30:00.123456Z",
)
TICKET_PAGE = TicketPage(tickets=[TICKET], next_cursor="MDE5OGM1ZDItN2EzMS03YjJjLThmNGUtM2YxZjBhMmI0YzVk")
EVENT_COUNT = EventCount(
    event_id="Event2", zones=[ZoneCount(zone_id=1, sold_count=2), ZoneCount(zone_id=2, sold_count=0)]
)
REVENUE = Revenue(event_id="Event2", venue_id="Venue2", ticket_price=Decimal("50.0"), currency="USD", sold_count=2)
ZONES = [
    Zone(zone_id=1, ticket_price=Decimal("25.0"), row_count=5, col_count=8),
    Zone(zone_id=2, ticket_price=Decimal("50.0"), row_count=5, col_count=8),
]
VENUE = Venue(venue_id="Venue2", name="The Little Stage", city="Vancouver", currency="USD", zones=ZONES)
VENUE_PAGE = VenuePage(
    venues=[VenueSummary(venue_id="Venue2", name="The Little Stage", city="Vancouver", currency="USD")],
    next_cursor=None,
)
EVENT = Event(
    event_id="Event2",
    venue_id="Venue2",
    name="An Evening for Few",
    type="concert",
    date=date(2030, 1, 2),
    currency="USD",
    sales_open_at=None,
    sales_close_at=None,
    max_seats_per_customer=None,
    zones=ZONES,
)
EVENT_PAGE = EventPage(
    events=[
        EventSummary(
            event_id="Event2",
            venue_id="Venue2",
            name="An Evening for Few",
            type="concert",
            date=date(2030, 1, 2),
            currency="USD",
            sales_open_at=None,
            sales_close_at=None,
            max_seats_per_customer=None,
        )
    ],
    next_cursor=None,
)
SEAT_MAP = SeatMap(
    event_id="Event2",
    venue_id="Venue2",
    currency="USD",
    zones=[
        ZoneSeats(
            zone_id=1,
            ticket_price=Decimal("25.0"),
            row_count=5,
            col_count=8,
            rows=[".SS.....", "..HH....", "........", "........", "........"],
        )
    ],
)
