"""The query service on a real MySQL, reached over HTTP."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import sqlalchemy
from query.settings import Settings

from tests.integration.query.read_model import PARTITIONS, ReadModel
from tests.integration.query.serving import serve


@pytest.fixture
def read_model(mysql_url: str) -> ReadModel:
    """The tables, empty."""
    read_model = ReadModel(mysql_url)
    read_model.set_up()
    return read_model


@pytest.fixture
async def client(read_model: ReadModel, query_mysql_url: str) -> AsyncIterator[httpx.AsyncClient]:  # noqa: ARG001
    """A client of the service, which reads `read_model`."""
    async with serve(Settings(mysql_url=query_mysql_url, partitions=PARTITIONS)) as client:
        yield client


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """Every statement this process sends from now on."""
    seen: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", note)
    yield seen
    sqlalchemy.event.remove(sqlalchemy.Engine, "before_cursor_execute", note)
