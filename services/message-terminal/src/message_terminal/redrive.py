"""Redrive: projects a parked message again."""

import logging

from sqlalchemy.ext.asyncio import AsyncEngine

from message_terminal import parking
from message_terminal.delivery import read_message
from message_terminal.models import Models
from message_terminal.parking import Refused
from message_terminal.stores import StoreUnavailable, calling_mysql

log = logging.getLogger(__name__)


async def redrive(models: Models, partitions: int, parked_id: int) -> str | None:
    """Project a parked message again; return why it stays parked, or None if it no longer is.

    Idempotent. Raises NotParked, StoreUnavailable.
    """
    async with calling_mysql(), models.engine.connect() as connection:
        parked, body = await parking.find(connection, parked_id)
    arrived = read_message(body, partitions)
    if isinstance(arrived, Refused):
        return await _park_again(models.engine, parked, arrived)
    try:
        await models.projectors[parked.model].project([arrived.message])
    except StoreUnavailable:
        raise
    except Exception as error:
        log.exception(
            "message stays parked", extra={"parked_id": parked_id, "traceparent": arrived.message.traceparent}
        )
        return await _park_again(models.engine, parked, Refused(body, f"{type(error).__name__}: {error}"))
    async with calling_mysql(), models.engine.begin() as connection:
        await parking.discard(connection, parked_id)
    return None


async def _park_again(engine: AsyncEngine, parked: parking.Parked, refused: Refused) -> str:
    async with calling_mysql(), engine.begin() as connection:
        await parking.park(connection, parked.model, [refused])
    return refused.reason
