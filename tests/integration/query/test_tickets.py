"""Queries for a ticket, for the number of sold tickets, and for the revenue of an event."""

import httpx
import pytest

from tests.stage.read_model import CREATED_ON, ReadModel, ticket_id


async def test_a_ticket_is_answered_with_all_its_fields(client: httpx.AsyncClient, read_model: ReadModel) -> None:
    read_model.add_ticket(1, seat_row=10, seat_column=2, price_cents=2550)

    answer = await client.get(f"/api/v1/tickets/{ticket_id(1)}")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "ticketId": ticket_id(1),
        "venueId": "Venue2",
        "eventId": "Event2",
        "zoneId": 1,
        "row": "10",
        "column": "b",
        "status": "PAID",
        "price": 25.5,
        "currency": "USD",
        "createdOn": CREATED_ON,
    }


async def test_a_cancelled_ticket_has_the_status_cancelled(client: httpx.AsyncClient, read_model: ReadModel) -> None:
    read_model.add_ticket(1, status="CANCELLED", revision=2)

    answer = await client.get(f"/api/v1/tickets/{ticket_id(1)}")

    assert answer.json()["status"] == "CANCELLED"


async def test_a_ticket_is_found_by_its_id_in_upper_case(client: httpx.AsyncClient, read_model: ReadModel) -> None:
    read_model.add_ticket(1)

    answer = await client.get(f"/api/v1/tickets/{ticket_id(1).upper()}")

    assert answer.json()["ticketId"] == ticket_id(1)


async def test_every_zone_is_counted_even_without_a_sale_in_order_of_the_ids(
    client: httpx.AsyncClient, read_model: ReadModel
) -> None:
    read_model.add_event(zones=[])
    read_model.add_zone(10, row_count=5, col_count=8, price_cents=2500)
    read_model.add_zone(9, row_count=5, col_count=8, price_cents=2500, sold_count=3, revenue_cents=7500)

    answer = await client.get("/api/v1/tickets/count/Event2")

    assert answer.status_code == 200
    assert answer.json() == {
        "eventId": "Event2",
        "zones": [{"zoneId": 9, "soldCount": 3}, {"zoneId": 10, "soldCount": 0}],
    }


async def test_a_zone_that_the_projected_event_lacks_is_not_counted(
    client: httpx.AsyncClient, read_model: ReadModel
) -> None:
    read_model.add_event(zones=[])
    read_model.add_zone(3, sold_count=1, revenue_cents=2500)

    answer = await client.get("/api/v1/tickets/count/Event2")

    assert answer.json() == {"eventId": "Event2", "zones": []}


@pytest.mark.parametrize("name", ["money", "revenue"])
async def test_revenue_is_the_sum_of_the_zones_on_both_paths(
    client: httpx.AsyncClient, read_model: ReadModel, name: str
) -> None:
    read_model.add_event(zones=[])
    read_model.add_zone(1, row_count=5, col_count=8, price_cents=2500, sold_count=3, revenue_cents=7500)
    read_model.add_zone(2, row_count=5, col_count=8, price_cents=5000, sold_count=1, revenue_cents=4550)

    answer = await client.get(f"/api/v1/tickets/{name}/Venue2/Event2")

    assert answer.status_code == 200
    assert answer.json() == {
        "eventId": "Event2",
        "venueId": "Venue2",
        "ticketPrice": 120.5,
        "currency": "USD",
        "soldCount": 4,
    }


async def test_an_event_without_a_sale_has_no_revenue(client: httpx.AsyncClient, read_model: ReadModel) -> None:
    read_model.add_event(zones=[])

    answer = await client.get("/api/v1/tickets/money/Venue2/Event2")

    assert b'"ticketPrice":0.0,' in answer.content
    assert answer.json()["soldCount"] == 0


async def test_revenue_is_exact_where_binary_floats_are_not(client: httpx.AsyncClient, read_model: ReadModel) -> None:
    read_model.add_event(zones=[])
    for zone_id in range(1, 11):
        read_model.add_zone(zone_id, row_count=5, col_count=8, price_cents=10, sold_count=1, revenue_cents=10)
    read_model.add_zone(11, row_count=5, col_count=8, price_cents=1, sold_count=1, revenue_cents=99_999_999_999_999_901)

    answer = await client.get("/api/v1/tickets/money/Venue2/Event2")

    assert b'"ticketPrice":1000000000000000.01,' in answer.content
