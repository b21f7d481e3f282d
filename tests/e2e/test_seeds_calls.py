"""The seed's own calls through the gateway: buy, read, count, cancel and sell again."""

import httpx

from tests.stage.platforms.running import RunningPlatform, wait_until_ready

# A seat that no other test buys. The seat of the seed's example is on the API page, and
# `test_api_pages.py` buys it from there.
SEAT = {"venueId": "Venue1", "eventId": "Event1", "zoneId": 2, "row": "11", "column": "b"}


def sold_in_zone_2(gateway: httpx.Client, token: str) -> int:
    count = gateway.get("/api/v1/tickets/count/Event1", headers={"Consistency-Token": token}).json()
    return next(int(zone["soldCount"]) for zone in count["zones"] if zone["zoneId"] == 2)


def test_a_ticket_is_bought_read_counted_cancelled_and_its_seat_sold_again(platform: RunningPlatform) -> None:
    with httpx.Client(base_url=platform.url) as gateway:
        bought = gateway.post("/api/v1/tickets", json=SEAT)
        assert bought.status_code == 201
        ticket, token = bought.json(), bought.headers["Consistency-Token"]
        assert {name: ticket[name] for name in SEAT} == SEAT
        assert ticket["status"] == "PAID"
        assert ticket["price"] == 320.0

        read = gateway.get(bought.headers["Location"], headers={"Consistency-Token": token})
        receipt = ticket.pop("receipt")
        assert read.json() == ticket
        sold = sold_in_zone_2(gateway, token)
        assert sold >= 1

        cancelled = gateway.delete(bought.headers["Location"], headers={"Receipt": receipt})
        assert cancelled.json() == {**ticket, "status": "CANCELLED"}
        token = cancelled.headers["Consistency-Token"]
        read = gateway.get(bought.headers["Location"], headers={"Consistency-Token": token})
        assert read.json() == {**ticket, "status": "CANCELLED"}
        assert sold_in_zone_2(gateway, token) == sold - 1

        again = gateway.post("/api/v1/tickets", json=SEAT)
        assert again.status_code == 201
        assert again.json()["ticketId"] != ticket["ticketId"]
        assert sold_in_zone_2(gateway, again.headers["Consistency-Token"]) == sold


def test_a_query_with_the_token_of_a_sale_reads_that_sale(platform: RunningPlatform) -> None:
    with httpx.Client(base_url=platform.url) as gateway:
        for row in range(1, 11):
            bought = gateway.post("/api/v1/tickets", json={**SEAT, "zoneId": 3, "row": str(row)})
            token = {"Consistency-Token": bought.headers["Consistency-Token"]}
            assert gateway.get(bought.headers["Location"], headers=token).status_code == 200


def test_tickets_are_sold_while_query_is_down(platform: RunningPlatform) -> None:
    platform.stop("query")
    try:
        answer = httpx.get(f"{platform.url}/api/v1/events")
        assert answer.status_code == 503
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert httpx.post(f"{platform.url}/api/v1/tickets", json=SEAT).status_code in (201, 409)
    finally:
        platform.start("query")
        wait_until_ready(platform, "query")
