"""The examples on the OpenAPI page; the purchase is one that the installed catalogue accepts."""

from datetime import date

import msgspec

from purchase.http.answers import (
    Confirmation,
    Event,
    HeldSeat,
    Hold,
    Payment,
    Ticket,
    Venue,
    Zone,
)

PURCHASE_TICKET = {"venueId": "Venue1", "eventId": "Event1", "zoneId": 2, "row": "10", "column": "b"}

HOLD_SEATS = {
    "eventId": "Event1",
    "seats": [{"zoneId": 2, "row": "10", "column": "b"}, {"zoneId": 2, "row": "10", "column": "c"}],
}

HOLD_BEST = {"eventId": "Event1", "zoneId": 2, "quantity": 2}

DEFINE_VENUE = {
    "name": "The Little Theatre",
    "city": "Vancouver",
    "currency": "USD",
    "zones": [{"zoneId": 1, "ticketPrice": 25.0, "rowCount": 5, "colCount": 8}],
}

PROVIDER_EVENT = {
    "id": "evt_1PgafuB7WZ01zgkWx5yK8u2Q",
    "type": "payment_intent.amount_capturable_updated",
    "data": {"object": {"id": "pi_3PgafpB7WZ01zgkW0LqRwzDX", "object": "payment_intent", "metadata": {}}},
}

SCHEDULE_EVENT = {
    "venueId": "Venue2",
    "name": "An Evening of Quartets",
    "type": "concert",
    "date": "2030-01-01",
    "maxSeatsPerCustomer": 4,
}

TICKET = Ticket(
    ticket_id="01a20567-f5bc-7000-a36b-1f4945c788a8",
    venue_id="Venue1",
    event_id="Event1",
    zone_id=2,
    row="10",
    column="b",
    status="PAID",
    price=320.0,
    currency="USD",
    created_on="2029-11-22T22:37:08.924514Z",
    receipt="8jIEk1k70_ic39d-SO63mDdY7CixeImHyfpNmgu8OLI",
)

CANCELLED_TICKET = msgspec.structs.replace(TICKET, status="CANCELLED", receipt=None)

HOLD = Hold(
    hold_id="01a20567-f5bc-7000-8f11-3a52d0c4be79",
    event_id="Event1",
    seats=[
        HeldSeat(zone_id=2, row="10", column="b", price=320.0),
        HeldSeat(zone_id=2, row="10", column="c", price=320.0),
    ],
    amount=640.0,
    currency="USD",
    expires_at="2029-11-22T22:39:08.924000Z",
    status="HELD",
)

BEGIN_PAYMENT = {"paymentMethod": "pm_card_visa"}

PAYMENT = Payment(
    payment_id="pi_8c1f0a9d52e64b7f93d0c6a1",
    provider="sandbox",
    client_secret="pi_8c1f0a9d52e64b7f93d0c6a1_secret_5d7e2b90f1c34a68",  # noqa: S106 - of no real payment
    status="AUTHORISED",
)

CONFIRMATION = Confirmation(
    hold_id=HOLD.hold_id,
    tickets=[
        TICKET,
        msgspec.structs.replace(
            TICKET,
            ticket_id="01a20567-f5bc-7000-b7e4-90ad1c66f0e3",
            column="c",
            receipt="T0t1dFYkBkpZqB7nXx3mS1vHq9p2tqIuW4cJm3aZrLg",
        ),
    ],
    amount=640.0,
    currency="USD",
)

PAYING_HOLD = msgspec.structs.replace(HOLD, status="PAYING")

VENUE = Venue(
    venue_id="Venue2",
    name="The Little Theatre",
    city="Vancouver",
    currency="USD",
    zones=[Zone(zone_id=1, ticket_price=25.0, row_count=5, col_count=8)],
)

EVENT = Event(
    event_id="Event2",
    venue_id="Venue2",
    name="An Evening of Quartets",
    type="concert",
    date=date(2030, 1, 1),
    sales_open_at=None,
    sales_close_at=None,
    max_seats_per_customer=4,
)
