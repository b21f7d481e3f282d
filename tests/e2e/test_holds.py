"""Holds through the gateway: one from start to end, and a crowd's while processes are killed."""

import httpx
import pytest
from infra_local.demo.crowd import seats_of
from infra_local.demo.paying_crowd import BEHAVIOURS, Sellout, sell_out
from infra_local.demo.verdict import books, holdings, wait_for

from tests.stage.platforms.on_sale import put_on_sale
from tests.stage.platforms.running import RunningPlatform, kill, wait_until_ready

STAYING = {name: percent for name, percent in BEHAVIOURS.items() if name != "abandon"}
"""Behaviours without `abandon`, because an abandoned hold keeps its seats for two minutes."""


def seat_map(gateway: httpx.Client, event_id: str, token: str) -> str:
    """Return the seats of zone 1, row by row."""
    seats = gateway.get(f"/api/v1/events/{event_id}/seats?zoneId=1", headers={"Consistency-Token": token}).json()
    return "/".join(seats["zones"][0]["rows"])


def revenue(gateway: httpx.Client, event_id: str, token: str) -> float:
    money = gateway.get(f"/api/v1/tickets/money/Venue2/{event_id}", headers={"Consistency-Token": token})
    return float(money.json()["ticketPrice"])


def test_seats_are_held_paid_for_confirmed_cancelled_and_sold_again(platform: RunningPlatform) -> None:
    put_on_sale(platform, "Venue2", "HeldGala")
    with httpx.Client(base_url=platform.url) as gateway:
        held = gateway.post("/api/v1/holds", json={"eventId": "HeldGala", "zoneId": 1, "quantity": 2})
        assert held.status_code == 201
        path = held.headers["Location"]
        assert "...HH..." in seat_map(gateway, "HeldGala", held.headers["Consistency-Token"])
        [seat, _] = held.json()["seats"]
        taken = {
            "venueId": "Venue2",
            "eventId": "HeldGala",
            **{name: seat[name] for name in ("zoneId", "row", "column")},
        }
        assert gateway.post("/api/v1/tickets", json=taken).status_code == 409

        declined = gateway.post(f"{path}/payment", json={"paymentMethod": "pm_card_visa_chargeDeclined"})
        assert declined.status_code == 402
        assert gateway.get(path).json()["status"] == "HELD"
        paid = gateway.post(f"{path}/payment", json={"paymentMethod": "pm_card_visa"})
        assert (paid.status_code, paid.json()["status"]) == (201, "AUTHORISED")
        confirmed = gateway.post(f"{path}/confirm")
        assert confirmed.status_code == 201
        assert gateway.post(f"{path}/confirm").json() == confirmed.json()
        token = confirmed.headers["Consistency-Token"]
        [first, second] = confirmed.json()["tickets"]
        receipt = first.pop("receipt")
        read = gateway.get(f"/api/v1/tickets/{first['ticketId']}", headers={"Consistency-Token": token})
        assert read.json() == first
        assert "...SS..." in seat_map(gateway, "HeldGala", token)
        assert revenue(gateway, "HeldGala", token) == first["price"] + second["price"]

        cancelled = gateway.delete(f"/api/v1/tickets/{first['ticketId']}", headers={"Receipt": receipt})
        assert cancelled.json() == {**first, "status": "CANCELLED"}
        token = cancelled.headers["Consistency-Token"]
        assert revenue(gateway, "HeldGala", token) == second["price"]

        again = gateway.post("/api/v1/tickets", json=taken)
        assert again.status_code == 201
        assert again.json()["ticketId"] != first["ticketId"]
        assert "...SS..." in seat_map(gateway, "HeldGala", again.headers["Consistency-Token"])


@pytest.mark.timeout(600)
async def test_seats_and_money_agree_after_processes_are_killed_while_a_crowd_pays(platform: RunningPlatform) -> None:
    put_on_sale(platform, "Venue1", "PaidRace")
    seats = len([seat for seat in await seats_of(platform.url, "PaidRace") if seat.zone_id == 1])
    before = await books(platform.url_of("sandbox"))
    killed = ["purchase", "sandbox", "relay", "redis"]
    to_kill = list(killed)

    def kill_next(so_far: Sellout) -> None:
        if to_kill and len(so_far.tickets) >= seats * (1 - len(to_kill) / (len(killed) + 1)):
            kill(platform, to_kill.pop(0))

    sold = await sell_out(platform.url, "PaidRace", 1, seats, behaviours=STAYING, seed=1, on_progress=kill_next)
    assert sold.failed == []
    assert len(sold.tickets) == seats
    assert sold.cancelled
    assert not to_kill

    async def count_agreements() -> int:
        now = await books(platform.url_of("sandbox"))
        models = await holdings(platform.url, platform.url_of("dynamodb"), "Venue1", "PaidRace")
        return sum(
            (
                models.in_dynamodb == sold.tickets.keys(),
                models.in_mysql == seats,
                models.revenue == now.kept - before.kept == sold.price,
                not now.open_authorisations,
            )
        )

    await wait_for(4, count_agreements)
    for name in killed:
        wait_until_ready(platform, name)
