"""Every problem that a query can return, each from its real cause."""

import httpx
import pytest

from tests.stage.problems import assert_whole_problem
from tests.stage.read_model import ReadModel, ticket_id

MALFORMED = [
    ("tickets/1", "ticketId"),
    (f"tickets/{ticket_id(1)}0", "ticketId"),
    (f"tickets/{ticket_id(1)[:-1]}g", "ticketId"),
    (f"tickets/{ticket_id(1)}%0A", "ticketId"),
    (f"tickets/{ticket_id(1).replace('-', '')}", "ticketId"),
    (f"tickets/count/{'a' * 65}", "eventId"),
    ("tickets/count/a%20b", "eventId"),
    ("tickets/count/a%0A", "eventId"),
    ("tickets/count/%C3%A9", "eventId"),
    ("tickets/count/%FF", "eventId"),
    ("tickets/money/a%20b/Event2", "venueId"),
    ("tickets/revenue/Venue2/'", "eventId"),
    ("venues/%00", "venueId"),
    ("events/a%20b", "eventId"),
    ("events/a%20b/seats", "eventId"),
    ("tickets", "eventId"),
    ("tickets?eventId=", "eventId"),
    ("tickets?eventId=a%20b", "eventId"),
    ("tickets?eventId=Event2&zoneId=0", "zoneId"),
    ("tickets?eventId=Event2&zoneId=2147483648", "zoneId"),
    ("tickets?eventId=Event2&zoneId=one", "zoneId"),
    ("tickets?eventId=Event2&zoneId=", "zoneId"),
    ("tickets?eventId=Event2&status=paid", "status"),
    ("tickets?eventId=Event2&limit=0", "limit"),
    ("tickets?eventId=Event2&limit=501", "limit"),
    ("tickets?eventId=Event2&limit=-1", "limit"),
    ("tickets?eventId=Event2&limit=%D9%A1", "limit"),
    ("tickets?eventId=Event2&cursor=nonsense", "cursor"),
    ("tickets?eventId=Event2&cursor=", "cursor"),
    ("tickets?eventId=Event2&cursor=YQ", "cursor"),
    ("venues?limit=501", "limit"),
    ("venues?cursor=%2B%2B", "cursor"),
    ("events?cursor=YSBi", "cursor"),
    ("events/Event2/seats?zoneId=-1", "zoneId"),
    ("tickets?eventId=Event2&zone=1", "zone"),
    ("tickets/count/Event2?limit=1", "limit"),
    ("venues?limit=1&limit=2", "limit"),
    ("tickets?eventId=Event1&eventId=Event2", "eventId"),
]
MALFORMED_TOKENS = [
    "",
    "1",
    "1:",
    "1:1",
    "1:1-",
    "x:1-1",
    "-1:1-1",
    "8:1-1",
    "1:1-1,",
    "1:1-1;2:1-1",
    "1:01-1",
    "²:1-1",
]


async def test_an_unknown_ticket_is_not_found(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"/api/v1/tickets/{ticket_id(1)}")

    assert_whole_problem(answer, 404, "ticket-not-found", ticketId=ticket_id(1))


@pytest.mark.parametrize(
    "path",
    ["tickets/count/Nope", "tickets?eventId=Nope", "events/Nope", "events/Nope/seats", "events/Nope/seats?zoneId=1"],
)
async def test_an_unknown_event_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"/api/v1/{path}")

    assert_whole_problem(answer, 404, "event-not-found", eventId="Nope")


@pytest.mark.parametrize("path", ["tickets/count/Event2", "tickets?eventId=Event2", "tickets/money/Venue2/Event2"])
async def test_an_event_with_sales_is_not_found_before_it_is_projected(
    client: httpx.AsyncClient, read_model: ReadModel, path: str
) -> None:
    read_model.add_zone(1, sold_count=1, revenue_cents=2500)
    read_model.add_ticket(1)

    answer = await client.get(f"/api/v1/{path}")

    assert_whole_problem(answer, 404, "event-not-found", eventId="Event2")


@pytest.mark.parametrize("name", ["money", "revenue"])
async def test_an_event_at_another_venue_is_not_found(
    client: httpx.AsyncClient, read_model: ReadModel, name: str
) -> None:
    read_model.add_event()

    answer = await client.get(f"/api/v1/tickets/{name}/Venue1/Event2")

    assert_whole_problem(answer, 404, "event-not-found", eventId="Event2")


async def test_an_unknown_venue_is_not_found(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/venues/Nope")

    assert_whole_problem(answer, 404, "venue-not-found", venueId="Nope")


async def test_ids_are_case_sensitive(client: httpx.AsyncClient, read_model: ReadModel) -> None:
    read_model.add_venue("Venue2")

    answer = await client.get("/api/v1/venues/venue2")

    assert_whole_problem(answer, 404, "venue-not-found", venueId="venue2")


async def test_an_unknown_zone_of_an_event_is_not_found(client: httpx.AsyncClient, read_model: ReadModel) -> None:
    read_model.add_event()

    answer = await client.get("/api/v1/events/Event2/seats?zoneId=3")

    assert_whole_problem(answer, 404, "zone-not-found", eventId="Event2", zoneId=3)


async def test_the_problem_names_the_malformed_parameter(client: httpx.AsyncClient) -> None:
    for path, field in MALFORMED:
        assert_whole_problem(await client.get(f"/api/v1/{path}"), 400, "invalid-request", field=field)


async def test_a_malformed_consistency_token_is_refused(client: httpx.AsyncClient) -> None:
    for token in MALFORMED_TOKENS:
        answer = await client.get("/api/v1/events", headers=[(b"Consistency-Token", token.encode())])
        assert_whole_problem(answer, 400, "invalid-consistency-token")


async def test_an_unknown_path_is_not_found(client: httpx.AsyncClient) -> None:
    for path in (
        "/",
        "/api/v1",
        "/api/v1/tickets/count",
        "/api/v1/seats",
        "/docs/query/x.html",
        "/docs/query/assets/x",
    ):
        assert_whole_problem(await client.get(path), 404, "not-found")


async def test_a_method_that_no_query_has_is_not_allowed(client: httpx.AsyncClient) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = await client.request(method, f"/api/v1/tickets/{ticket_id(1)}")
        assert_whole_problem(answer, 405, "method-not-allowed")
        assert {"GET", "HEAD"} <= set(answer.headers["Allow"].split(", "))


async def test_an_internal_error_reveals_nothing_about_its_cause(
    client: httpx.AsyncClient, read_model: ReadModel
) -> None:
    read_model.add_venue(zones="secret nonsense")

    answer = await client.get("/api/v1/venues/Venue2")

    assert_whole_problem(answer, 500, "internal-error")
    assert "secret" not in answer.text
