"""A seat sold again after Redis lost the first sale: the second sale is cancelled everywhere."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from message_terminal.settings import WRITE
from message_terminal.stores import open_dynamodb
from message_terminal.tables import SEATS, TICKETS
from purchase.seats.inventory import Sold
from redis import Redis

from tests.stage.brokers import Broker
from tests.stage.builders import order
from tests.stage.processes.relay import relay_process
from tests.stage.processes.terminal import Environment, terminal, until
from tests.stage.projections import items
from tests.stage.redis_state import RedisState
from tests.stage.sellers import prepare, selling
from tests.stage.stores.isolation import Tables

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient


@pytest.fixture
def redis_state(redis_url: str) -> Iterator[RedisState]:
    """The contents of Redis."""
    with Redis.from_url(redis_url) as redis:
        yield RedisState(redis)


async def sell(redis_url: str) -> UUID:
    """Sell the same seat, in a new process, and return the ticket's id."""
    wanted = order()
    async with selling(redis_url) as seller:
        assert isinstance(await seller.inventory.sell(wanted), Sold)
    return wanted.ticket.ticket_id


async def has_status(client: "DynamoDBClient", tables: Tables, ticket_id: UUID, status: str) -> bool:
    stored = {item["ticketId"]: item["status"] for item in await items(client, tables, TICKETS)}
    return stored.get(str(ticket_id)) == status


async def test_the_second_of_two_sales_of_a_seat_is_cancelled_everywhere(
    environment: Environment, broker: Broker, redis_url: str, redis_state: RedisState, dynamodb: Tables, tmp_path: Path
) -> None:
    await prepare(redis_url)
    async with selling(redis_url) as seller:
        await seller.put_on_sale("Gala")
    past = redis_state.everything()
    with ExitStack() as stack:
        stack.enter_context(terminal({**environment, "MODELS": WRITE}, tmp_path / "terminal.log"))
        async with open_dynamodb(dynamodb.url) as client:
            first = await sell(redis_url)
            with relay_process(redis_url, broker.settings):
                await until(partial(has_status, client, dynamodb, first, "PAID"))

            redis_state.restore(past)
            second = await sell(redis_url)
            with relay_process(redis_url, broker.settings):
                await until(partial(has_status, client, dynamodb, second, "CANCELLED"))

            assert await has_status(client, dynamodb, first, "PAID")
            [seat] = await items(client, dynamodb, SEATS)
            assert (seat["ticketId"], seat["generation"]) == (str(first), 1)
    async with selling(redis_url) as seller:
        assert await seller.inventory.sell(order()) == "TAKEN"
