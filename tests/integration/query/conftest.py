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
    """Raise the service's timeouts for MySQL, except in tests of these timeouts.

    They are 2 s in production, and a busy machine may need longer.
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
    """Create a database with the read model's tables for all tests of this folder."""
    with isolation.database(mysql_server) as own:
        ReadModel(own.url).set_up()
        yield own


@pytest.fixture
def read_model(read_model_database: Database) -> ReadModel:
    """Return the read model with empty tables."""
    read_model = ReadModel(read_model_database.url)
    read_model.empty()
    return read_model


@pytest.fixture
def settings(read_model_database: Database) -> Settings:
    """Return settings for a service whose MySQL user may only read."""
    return Settings(mysql_url=read_model_database.query_url, partitions=PARTITIONS)


@pytest.fixture
async def client(read_model: ReadModel, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:  # noqa: ARG001
    """Serve the service on `read_model`, and yield a client of it."""
    async with serve(settings) as client:
        yield client


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """Record every SQL statement that this process sends during the test."""
    sent: list[str] = []

    def record(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", record)
    yield sent
    sqlalchemy.event.remove(sqlalchemy.Engine, "before_cursor_execute", record)
