"""Concurrent reads of tickets share their SQL statements."""

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
    """Record the ids of the tickets that queries begin to read, in order."""
    begun: list[str] = []
    get = JoinedTickets.get

    async def recording_get(self: JoinedTickets, ticket_id: str) -> AnyRow | None:
        begun.append(ticket_id)
        return await get(self, ticket_id)

    monkeypatch.setattr(JoinedTickets, "get", recording_get)
    return begun


def ticket_reads(statements: list[str]) -> int:
    return sum("FROM ticket" in statement for statement in statements)


async def test_concurrent_reads_take_few_statements(
    client: httpx.AsyncClient, read_model: ReadModel, statements: list[str], reads_begun: list[str]
) -> None:
    read_model.add_tickets([{"number": number} for number in range(READERS)])

    with read_model.locked():
        reading = asyncio.gather(*(client.get(f"/api/v1/tickets/{ticket_id(n)}") for n in range(READERS)))
        while len(reads_begun) < READERS:  # noqa: ASYNC110 - no event reports it
            await asyncio.sleep(0.001)
    answers = await reading

    assert [answer.json()["ticketId"] for answer in answers] == [ticket_id(number) for number in range(READERS)]
    assert ticket_reads(statements) <= CONCURRENT_STATEMENTS + 1


async def test_each_read_returns_its_own_ticket_or_none(
    read_model: ReadModel, settings: Settings, statements: list[str]
) -> None:
    read_model.add_tickets([{"number": number} for number in range(0, READERS, 2)])
    database = Database(settings.mysql_url)
    joined = JoinedTickets(database)

    rows = await asyncio.gather(*(joined.get(ticket_id(number)) for number in range(READERS)))

    assert [row and row.ticket_id for row in rows] == [ticket_id(n) if n % 2 == 0 else None for n in range(READERS)]
    assert ticket_reads(statements) == 1
    await database.close()


async def test_two_concurrent_reads_of_a_ticket_take_one_statement(
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


async def test_a_cancelled_read_does_not_affect_the_others(read_model: ReadModel, settings: Settings) -> None:
    read_model.add_ticket(1)
    database = Database(settings.mysql_url)
    joined = JoinedTickets(database)
    cancelled, other = (asyncio.create_task(joined.get(ticket_id(1))) for _ in range(2))
    await asyncio.sleep(0)
    cancelled.cancel()

    row = await other

    assert row is not None
    await database.close()
