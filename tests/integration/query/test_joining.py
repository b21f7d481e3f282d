"""Tickets that are asked for at one moment are read together."""

import asyncio

import httpx
import pytest
from query.database import AnyRow, Database
from query.joining import CONCURRENT_STATEMENTS, JoinedTickets
from query.settings import Settings

from tests.stage.read_model import ReadModel, ticket_id

READERS = 100


@pytest.fixture
def reads_begun(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the tickets that queries have asked for, in their order."""
    begun: list[str] = []
    get = JoinedTickets.get

    async def recorded(self: JoinedTickets, ticket_id: str) -> AnyRow | None:
        begun.append(ticket_id)
        return await get(self, ticket_id)

    monkeypatch.setattr(JoinedTickets, "get", recorded)
    return begun


def ticket_reads(statements: list[str]) -> int:
    return sum("FROM ticket" in statement for statement in statements)


async def test_tickets_asked_for_together_are_read_with_few_statements(
    client: httpx.AsyncClient, read_model: ReadModel, statements: list[str], reads_begun: list[str]
) -> None:
    read_model.add_tickets([{"number": number} for number in range(READERS)])

    with read_model.locked():
        asking = asyncio.gather(*(client.get(f"/api/v1/tickets/{ticket_id(n)}") for n in range(READERS)))
        while len(reads_begun) < READERS:  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(0.001)
    answers = await asking

    assert [answer.json()["ticketId"] for answer in answers] == [ticket_id(number) for number in range(READERS)]
    assert ticket_reads(statements) <= CONCURRENT_STATEMENTS + 1


async def test_each_reader_gets_its_own_ticket_or_none(
    read_model: ReadModel, settings: Settings, statements: list[str]
) -> None:
    read_model.add_tickets([{"number": number} for number in range(0, READERS, 2)])
    database = Database(settings.mysql_url)
    joined = JoinedTickets(database)

    rows = await asyncio.gather(*(joined.get(ticket_id(number)) for number in range(READERS)))

    assert [row and row.ticket_id for row in rows] == [ticket_id(n) if n % 2 == 0 else None for n in range(READERS)]
    assert ticket_reads(statements) == 1
    await database.close()


async def test_a_ticket_asked_for_twice_at_once_is_read_once_and_answered_twice(
    read_model: ReadModel, settings: Settings, statements: list[str]
) -> None:
    read_model.add_ticket(1)
    database = Database(settings.mysql_url)
    joined = JoinedTickets(database)

    first, second = await asyncio.gather(joined.get(ticket_id(1)), joined.get(ticket_id(1)))

    assert first is not None
    assert first == second
    assert ticket_reads(statements) == 1
    await database.close()


async def test_a_reader_that_goes_away_does_not_disturb_the_others(read_model: ReadModel, settings: Settings) -> None:
    read_model.add_ticket(1)
    database = Database(settings.mysql_url)
    joined = JoinedTickets(database)
    leaving, staying = (asyncio.create_task(joined.get(ticket_id(1))) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()

    row = await staying

    assert row is not None
    await database.close()
