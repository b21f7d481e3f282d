"""The models that a process projects onto: their projectors, opened together with their stores."""

from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncEngine

from message_terminal import stores
from message_terminal.projector import Projector
from message_terminal.read_model.projector import ReadModelProjector
from message_terminal.readiness import Check
from message_terminal.settings import READ, WRITE, Settings
from message_terminal.tables import TICKETS
from message_terminal.write_model.projector import Reject, WriteModelProjector


class Models(Struct, frozen=True):
    """The engine of MySQL, where messages are parked; the projectors and health checks, by name."""

    engine: AsyncEngine
    projectors: dict[str, Projector]
    checks: dict[str, Check]


@asynccontextmanager
async def opened(settings: Settings, names: Collection[str], reject: Reject) -> AsyncIterator[Models]:
    """Open the models of these names; `reject` sends purchase a rejection for each double sale."""
    async with AsyncExitStack() as stack:
        engine = stores.open_mysql(settings.mysql_url)
        stack.push_async_callback(engine.dispose)
        models = Models(engine, {}, {"mysql": lambda: stores.ping_mysql(engine)})
        if WRITE in names:
            client = await stack.enter_async_context(stores.open_dynamodb(settings.dynamodb_url))
            prefix = settings.dynamodb_prefix
            models.projectors[WRITE] = WriteModelProjector(client, prefix, engine, reject)
            models.checks["dynamodb"] = lambda: stores.ping_dynamodb(client, prefix + TICKETS)
        if READ in names:
            models.projectors[READ] = ReadModelProjector(engine)
        yield models
