"""Lists are paged by key: new rows cause no item to be skipped or repeated."""

from typing import Any

import httpx
import pytest

from tests.stage.read_model import ReadModel, ticket_id


async def read_pages(client: httpx.AsyncClient, path: str, items: str, **parameters: Any) -> list[list[dict[str, Any]]]:
    """Read every page by following the cursors."""
    pages = []
    cursor: dict[str, str] = {}
    while True:
        answer = await client.get(path, params={**parameters, **cursor})
        assert answer.status_code == 200
        pages.append(answer.json()[items])
        if answer.json()["nextCursor"] is None:
            return pages
        cursor = {"cursor": answer.json()["nextCursor"]}


def numbers(*pages: list[dict[str, Any]]) -> list[str]:
    return [ticket["ticketId"] for page in pages for ticket in page]


async def test_the_tickets_of_an_event_are_paged_by_id(client: httpx.AsyncClient, read_model: ReadModel) -> None:
    read_model.add_event("Other", zones=[])
    read_model.add_event()
    read_model.add_tickets([{"number": number} for number in (5, 1, 3, 2, 4)])
    read_model.add_ticket(6, event_id="Other")

    pages = await read_pages(client, "/api/v1/tickets", "tickets", eventId="Event2", limit=2)

    assert [len(page) for page in pages] == [2, 2, 1]
    assert numbers(*pages) == [ticket_id(number) for number in range(1, 6)]


async def test_a_page_has_a_hundred_items_by_default(client: httpx.AsyncClient, read_model: ReadModel) -> None:
    read_model.add_event()
    read_model.add_tickets([{"number": number} for number in range(1, 102)])

    pages = await read_pages(client, "/api/v1/tickets", "tickets", eventId="Event2")

    assert [len(page) for page in pages] == [100, 1]


async def test_a_full_last_page_has_no_cursor(client: httpx.AsyncClient, read_model: ReadModel) -> None:
    read_model.add_event()
    read_model.add_tickets([{"number": number} for number in (1, 2)])

    answer = await client.get("/api/v1/tickets", params={"eventId": "Event2", "limit": 2})

    assert answer.json()["nextCursor"] is None


async def test_sales_between_two_pages_cause_no_repeated_and_no_skipped_tickets(
    client: httpx.AsyncClient, read_model: ReadModel
) -> None:
    read_model.add_event()
    read_model.add_tickets([{"number": number} for number in (10, 20, 30)])
    first = (await client.get("/api/v1/tickets", params={"eventId": "Event2", "limit": 2})).json()
    read_model.add_tickets([{"number": number} for number in (5, 15, 25, 35)])

    rest = await read_pages(client, "/api/v1/tickets", "tickets", eventId="Event2", limit=2, cursor=first["nextCursor"])

    assert numbers(first["tickets"], *rest) == [ticket_id(number) for number in (10, 20, 25, 30, 35)]


async def test_tickets_can_be_filtered_by_zone_and_status(client: httpx.AsyncClient, read_model: ReadModel) -> None:
    read_model.add_event()
    read_model.add_tickets(
        [
            {"number": 1, "zone_id": 1, "status": "CANCELLED"},
            {"number": 2, "zone_id": 2, "status": "CANCELLED"},
            {"number": 3, "zone_id": 2, "status": "PAID"},
        ]
    )

    async def filtered(**parameters: Any) -> list[str]:
        return numbers(*await read_pages(client, "/api/v1/tickets", "tickets", eventId="Event2", limit=1, **parameters))

    assert await filtered(zoneId=2) == [ticket_id(2), ticket_id(3)]
    assert await filtered(status="CANCELLED") == [ticket_id(1), ticket_id(2)]
    assert await filtered(zoneId=2, status="PAID") == [ticket_id(3)]


async def test_an_event_that_sold_nothing_has_an_empty_page(client: httpx.AsyncClient, read_model: ReadModel) -> None:
    read_model.add_event()

    answer = await client.get("/api/v1/tickets", params={"eventId": "Event2"})

    assert answer.json() == {"tickets": [], "nextCursor": None}


@pytest.mark.parametrize("kind", ["venues", "events"])
async def test_the_catalogue_is_paged_by_id(client: httpx.AsyncClient, read_model: ReadModel, kind: str) -> None:
    for identifier in ("b", "a", "~", "B", "1"):
        if kind == "venues":
            read_model.add_venue(identifier)
        else:
            read_model.add_event(identifier, zones=[])

    pages = await read_pages(client, f"/api/v1/{kind}", kind, limit=2)

    assert [len(page) for page in pages] == [2, 2, 1]
    assert [item[f"{kind[:-1]}Id"] for page in pages for item in page] == ["1", "B", "a", "b", "~"]
