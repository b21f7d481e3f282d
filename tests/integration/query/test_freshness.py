"""Read your writes: a query with a Consistency-Token waits until its position is projected."""

import asyncio
import time

import httpx
import pytest
from query import freshness
from query.freshness import POLL_SECONDS, WAIT_SECONDS

from tests.stage.problems import assert_whole_problem
from tests.stage.read_model import ReadModel, ticket_id

# A busy machine may add this. Without the limit the wait would never end.
SLACK_SECONDS = 20.0


async def get(client: httpx.AsyncClient, number: int, *tokens: str) -> httpx.Response:
    """Get the ticket with this number, with these tokens."""
    headers = [("Consistency-Token", token) for token in tokens]
    return await client.get(f"/api/v1/tickets/{ticket_id(number)}", headers=headers)


def polls(statements: list[str]) -> int:
    return sum("FROM projection_position" in statement for statement in statements)


async def test_a_query_for_a_projected_position_is_answered_at_once(
    client: httpx.AsyncClient, read_model: ReadModel
) -> None:
    read_model.project(3, "1-42")
    read_model.add_ticket(1)

    assert (await get(client, 1, "3:1-42")).status_code == 200
    assert (await get(client, 1, "3:1-41")).status_code == 200


async def test_a_query_waits_until_its_position_is_projected(
    client: httpx.AsyncClient, read_model: ReadModel, statements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freshness, "WAIT_SECONDS", 30.0)
    read_model.project(3, "1-41")
    waiting = asyncio.create_task(get(client, 1, "3:1-42"))
    while polls(statements) < 3:  # noqa: ASYNC110 - the polls are the condition
        await asyncio.sleep(0.001)
    assert not waiting.done()
    read_model.add_ticket(1)
    read_model.project(3, "1-42")

    answer = await waiting

    assert answer.status_code == 200


async def test_a_later_epoch_is_after_every_position_of_an_earlier_one(
    client: httpx.AsyncClient, read_model: ReadModel
) -> None:
    read_model.project(3, "2-0")
    read_model.add_ticket(1)

    assert (await get(client, 1, "3:1-99999")).status_code == 200


async def test_a_query_waits_for_every_partition_of_its_token(client: httpx.AsyncClient, read_model: ReadModel) -> None:
    read_model.project(3, "1-42")
    read_model.add_ticket(1)

    assert_whole_problem(await get(client, 1, "3:1-42, 4:1-1"), 503, "projection-lagging")

    read_model.project(4, "1-1")
    assert (await get(client, 1, "3:1-42, 4:1-1")).status_code == 200


async def test_a_token_may_be_split_over_several_headers(client: httpx.AsyncClient, read_model: ReadModel) -> None:
    read_model.project(3, "1-42")

    assert_whole_problem(await get(client, 1, "3:1-42", "4:1-1"), 503, "projection-lagging")


async def test_a_query_that_waits_too_long_gets_503_and_not_404(
    client: httpx.AsyncClient, read_model: ReadModel
) -> None:
    read_model.project(3, "1-41")

    started = time.monotonic()
    answer = await get(client, 1, "3:1-42")

    assert_whole_problem(answer, 503, "projection-lagging")
    assert answer.headers["Retry-After"] == "1"
    assert WAIT_SECONDS <= time.monotonic() - started < WAIT_SECONDS + SLACK_SECONDS


async def test_a_ticket_that_does_not_exist_is_404_once_the_position_is_projected(
    client: httpx.AsyncClient, read_model: ReadModel
) -> None:
    read_model.project(3, "1-42")

    assert (await get(client, 1, "3:1-42")).status_code == 404


async def test_waiting_queries_share_one_poll(
    client: httpx.AsyncClient, read_model: ReadModel, statements: list[str]
) -> None:
    read_model.project(3, "1-41")

    started = time.monotonic()
    answers = await asyncio.gather(*(get(client, number, "3:1-42") for number in range(50)))
    took = time.monotonic() - started

    assert {answer.status_code for answer in answers} == {503}
    # The polls follow one another, with a pause between two.
    assert 1 < polls(statements) <= took / POLL_SECONDS + 1


async def test_there_is_no_poll_while_no_query_waits(
    client: httpx.AsyncClient, read_model: ReadModel, statements: list[str]
) -> None:
    read_model.project(3, "1-42")
    await get(client, 1, "3:1-42")
    polled = polls(statements)

    for _ in range(20):
        await get(client, 1)

    assert polls(statements) == polled


async def test_a_read_model_that_was_set_back_is_waited_for_again(
    client: httpx.AsyncClient, read_model: ReadModel
) -> None:
    read_model.project(3, "1-42")
    assert (await get(client, 1, "3:1-42")).status_code == 404

    read_model.project(3, "1-41")

    assert_whole_problem(await get(client, 1, "3:1-42"), 503, "projection-lagging")
