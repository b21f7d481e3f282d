"""MySQL down: every query is refused in bounded time, and answered once MySQL is back."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator

import httpx
import pytest
from infra_local.running import RunningServer
from query.database import (
    ANSWER_SECONDS,
    CONNECTIONS,
    LONG_ANSWER_SECONDS,
    WAITING_READS,
    Database,
    Overloaded,
    ReadModelUnavailable,
)
from query.joining import JoinedTickets
from query.settings import Settings
from sqlalchemy import make_url, text

from tests.stage.problems import assert_whole_problem
from tests.stage.processes.query import serve
from tests.stage.read_model import PARTITIONS, ReadModel, ticket_id

PATHS = [
    f"/api/v1/tickets/{ticket_id(1)}",
    "/api/v1/tickets/count/Event2",
    "/api/v1/tickets/money/Venue2/Event2",
    "/api/v1/tickets?eventId=Event2",
    "/api/v1/events/Event2/seats",
    "/api/v1/venues",
]
STATEMENT_LIMITS = "SHOW SESSION VARIABLES WHERE variable_name IN ('max_execution_time', 'max_statement_time')"
# A busy machine may add this. Without the limits the waits would never end.
SLACK_SECONDS = 20.0
SERVED_SECONDS = 30.0


@pytest.fixture
def own_settings(private_mysql: RunningServer) -> Settings:
    """Return settings for a MySQL of the test's own, with one event and one sold ticket."""
    read_model = ReadModel(private_mysql.url)
    read_model.set_up()
    read_model.empty()
    read_model.add_event()
    read_model.add_ticket(1)
    reader = make_url(private_mysql.url).set(username="query", password="query")
    return Settings(mysql_url=reader.render_as_string(hide_password=False), partitions=PARTITIONS)


@pytest.fixture
async def own_client(own_settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Serve the service on that MySQL, and yield a client once it answers."""
    async with serve(own_settings) as client:
        await is_served(client)
        yield client


async def is_served(client: httpx.AsyncClient) -> None:
    """Wait until every query is answered. Raises TimeoutError."""
    async with asyncio.timeout(SERVED_SECONDS):
        while {answer.status_code for answer in await every_query(client)} != {200}:
            pass


async def every_query(client: httpx.AsyncClient) -> list[httpx.Response]:
    """Send every query at the same time; return the answers."""
    return await asyncio.gather(*(client.get(path) for path in PATHS))


@pytest.mark.about_limits
async def test_every_query_is_refused_in_time_while_mysql_hangs_and_answered_afterwards(
    own_client: httpx.AsyncClient, private_mysql: RunningServer
) -> None:
    private_mysql.pause()
    started = time.monotonic()
    refused = await every_query(own_client)
    took = time.monotonic() - started
    private_mysql.resume()
    await is_served(own_client)

    for answer in refused:
        assert_whole_problem(answer, 503, "read-model-unavailable")
    assert took < LONG_ANSWER_SECONDS + SLACK_SECONDS


@pytest.mark.about_limits
async def test_many_reads_are_refused_as_quickly_as_one_and_those_over_the_limit_at_once(
    own_settings: Settings, private_mysql: RunningServer
) -> None:
    database = Database(own_settings.mysql_url)
    joined = JoinedTickets(database)
    await joined.get(ticket_id(1))
    private_mysql.pause()
    started = time.monotonic()
    reads = (joined.get(ticket_id(number)) for number in range(WAITING_READS + 10))
    refused = await asyncio.gather(*reads, return_exceptions=True)
    took = time.monotonic() - started
    private_mysql.resume()

    assert Counter(map(type, refused)) == {ReadModelUnavailable: WAITING_READS, Overloaded: 10}
    assert took < ANSWER_SECONDS + SLACK_SECONDS
    row = await joined.get(ticket_id(1))
    assert row is not None
    await database.close()


@pytest.mark.about_limits
async def test_a_query_with_a_token_is_refused_in_time_too(
    own_client: httpx.AsyncClient, private_mysql: RunningServer
) -> None:
    private_mysql.pause()
    answer = await own_client.get(PATHS[0], headers={"Consistency-Token": "1:1-1"})
    private_mysql.resume()

    assert_whole_problem(answer, 503, "read-model-unavailable")


async def test_connections_that_broke_with_mysql_are_replaced_without_a_failed_query(
    own_client: httpx.AsyncClient, private_mysql: RunningServer
) -> None:
    private_mysql.kill()
    refused = await own_client.get(PATHS[0])
    private_mysql.start()
    served = await every_query(own_client)

    assert_whole_problem(refused, 503, "read-model-unavailable")
    assert {answer.status_code for answer in served} == {200}


async def test_a_restart_of_mysql_between_two_queries_fails_neither(
    own_client: httpx.AsyncClient, private_mysql: RunningServer
) -> None:
    private_mysql.stop()
    private_mysql.start()

    assert (await own_client.get(PATHS[0])).status_code == 200


@pytest.mark.about_limits
async def test_the_service_is_alive_but_not_ready_while_mysql_hangs(
    own_client: httpx.AsyncClient, private_mysql: RunningServer
) -> None:
    assert (await own_client.get("/health/ready")).status_code == 200
    private_mysql.pause()
    ready, live = await own_client.get("/health/ready"), await own_client.get("/health/live")
    private_mysql.resume()

    assert ready.status_code == 503
    assert ready.json()["status"] == "not ready"
    assert ready.json()["checks"].keys() == {"read_model"}
    assert live.status_code == 200


async def test_a_read_model_that_has_not_been_set_up_is_unavailable(mysql_url: str, query_mysql_url: str) -> None:  # noqa: ARG001
    async with serve(Settings(mysql_url=query_mysql_url, partitions=PARTITIONS)) as client:
        assert_whole_problem(await client.get(PATHS[0]), 503, "read-model-unavailable")
        assert (await client.get("/health/ready")).status_code == 503


async def test_long_reads_leave_connections_for_short_ones(settings: Settings, read_model: ReadModel) -> None:
    read_model.add_ticket(1)
    database = Database(settings.mysql_url)
    long_reads = [asyncio.create_task(database.fetch_many(text("SELECT SLEEP(4)"))) for _ in range(2 * CONNECTIONS)]
    await asyncio.sleep(0)

    row = await JoinedTickets(database).get(ticket_id(1))

    assert row is not None
    assert not any(read.done() for read in long_reads)
    for read in long_reads:
        read.cancel()
    await asyncio.gather(*long_reads, return_exceptions=True)
    await database.close()


async def test_mysql_itself_ends_a_statement_that_takes_too_long(settings: Settings) -> None:
    database = Database(settings.mysql_url)

    rows = await database.fetch(text(STATEMENT_LIMITS))

    limits = {row[0]: float(row[1]) for row in rows}
    assert limits in ({"max_execution_time": LONG_ANSWER_SECONDS * 1000}, {"max_statement_time": LONG_ANSWER_SECONDS})
    await database.close()
