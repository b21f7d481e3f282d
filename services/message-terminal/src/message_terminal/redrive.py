"""Sends a parked message back to the projector that could not take it in."""

import logging

from sqlalchemy.ext.asyncio import AsyncEngine

from message_terminal import parking
from message_terminal.models import Models
from message_terminal.parking import Refused
from message_terminal.stores import StoreAway, asking_mysql
from message_terminal.worker import read

log = logging.getLogger(__name__)


async def redrive(models: Models, partitions: int, parked_id: int) -> str | None:
    """Project one message as if it came now; answers why it stays parked, None when it does not.

    Doing so twice changes nothing. Raises NotParked, StoreAway.
    """
    async with asking_mysql(), models.engine.connect() as connection:
        parked, body = await parking.find(connection, parked_id)
    arrived = read(body, partitions)
    if isinstance(arrived, Refused):
        return await _park_again(models.engine, parked, arrived)
    try:
        await models.projectors[parked.model].project([arrived.message])
    except StoreAway:
        raise
    except Exception as error:
        log.exception("it stays parked", extra={"parked_id": parked_id, "traceparent": arrived.message.traceparent})
        return await _park_again(models.engine, parked, Refused(body, f"{type(error).__name__}: {error}"))
    async with asking_mysql(), models.engine.begin() as connection:
        await parking.discard(connection, parked_id)
    return None


async def _park_again(engine: AsyncEngine, parked: parking.Parked, refused: Refused) -> str:
    async with asking_mysql(), engine.begin() as connection:
        await parking.park(connection, parked.model, [refused])
    return refused.reason
