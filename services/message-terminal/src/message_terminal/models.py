"""The models that a process works on: their projectors, opened together with the stores that they write to."""

from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncEngine

from message_terminal import stores
from message_terminal.projector import Projector
from message_terminal.read_model.projector import ReadModel
from message_terminal.readiness import Check
from message_terminal.settings import READ, WRITE, Settings
from message_terminal.tables import TICKETS
from message_terminal.write_model.projector import Reject, WriteModel


class Models(Struct, frozen=True):
    """MySQL, where messages are parked, a projector for each model by name, and whether their stores answer."""

    engine: AsyncEngine
    projectors: dict[str, Projector]
    checks: dict[str, Check]


@asynccontextmanager
async def opened(settings: Settings, names: Collection[str], reject: Reject) -> AsyncIterator[Models]:
    """The models of these names; `reject` tells purchase of double sales."""
    async with AsyncExitStack() as stack:
        engine = stores.open_mysql(settings.mysql_url)
        stack.push_async_callback(engine.dispose)
        models = Models(engine, {}, {"mysql": lambda: stores.ask_mysql(engine)})
        if WRITE in names:
            client = await stack.enter_async_context(stores.open_dynamodb(settings.dynamodb_url))
            prefix = settings.dynamodb_prefix
            models.projectors[WRITE] = WriteModel(client, prefix, engine, reject)
            models.checks["dynamodb"] = lambda: stores.ask_dynamodb(client, prefix + TICKETS)
        if READ in names:
            models.projectors[READ] = ReadModel(engine)
        yield models
