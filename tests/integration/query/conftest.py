"""The query service on a real MySQL, reached over HTTP."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import sqlalchemy
from query import database, freshness, joining
from query.database import Database as Reader
from query.settings import Settings

from tests.stage.processes.query import serve
from tests.stage.read_model import PARTITIONS, ReadModel
from tests.stage.stores import isolation
from tests.stage.stores.isolation import Database

PATIENCE_SECONDS = 30.0


@pytest.fixture(autouse=True)
def patient(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service waits long for MySQL, except in tests that are about its limits.

    In production it waits for 2 s: a busy machine may take longer.
    """
    if request.node.get_closest_marker("about_limits"):
        return
    for module in (database, joining):
        monkeypatch.setattr(module, "ANSWER_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(database, "LONG_ANSWER_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(freshness, "_POSITIONS_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(Reader.fetch, "__kwdefaults__", {"seconds": PATIENCE_SECONDS})


@pytest.fixture(scope="session")
def read_model_database(mysql_server: str) -> Iterator[Database]:
    """A database with the tables in it, for all tests of this folder."""
    with isolation.database(mysql_server) as own:
        ReadModel(own.url).set_up()
        yield own


@pytest.fixture
def read_model(read_model_database: Database) -> ReadModel:
    """The tables, empty."""
    read_model = ReadModel(read_model_database.url)
    read_model.empty()
    return read_model


@pytest.fixture
def settings(read_model_database: Database) -> Settings:
    """Those of a service that may only read."""
    return Settings(mysql_url=read_model_database.query_url, partitions=PARTITIONS)


@pytest.fixture
async def client(read_model: ReadModel, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:  # noqa: ARG001
    """A client of the service, which reads `read_model`."""
    async with serve(settings) as client:
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
