"""Prepares Redis: `python -m purchase.install` creates the outboxes and loads the catalogue.

It changes nothing that is present. Nothing else ever creates an outbox: a service that finds none
has lost its seats and answers `recovering`.
"""

import argparse
import asyncio
import logging
from pathlib import Path

import msgspec
from redis.asyncio import Redis

from purchase.catalogue.definitions import AlreadyDefined, Definitions
from purchase.catalogue.ledger import CatalogueLedger
from purchase.http.bodies import DefineVenueBody, ScheduleEventBody
from purchase.http.requests import decode_body, read_identifier
from purchase.process import configure_logging
from purchase.seats.inventory import Inventory
from purchase.settings import Settings
from purchase.store import keys
from purchase.store.connection import connect
from purchase.store.partitions import Partitions
from purchase.store.scripts import load

log = logging.getLogger(__name__)


async def install(settings: Settings, catalog_dir: Path) -> None:
    """Create the partitions and load the catalogue. Idempotent.

    Stops the process when Redis has lost a partition, or was installed for another number of them.
    """
    redis = connect(settings.redis_url)
    try:
        await _create_partitions(redis, settings.partitions)
        partitions = Partitions(redis, count=settings.partitions, outbox_max=settings.outbox_max)
        definitions = Definitions(CatalogueLedger(redis, partitions), Inventory(redis, partitions))
        await _load_catalogue(definitions, catalog_dir)
    finally:
        await redis.aclose()


async def _create_partitions(redis: Redis, partitions: int) -> None:
    """Create the partitions that are missing, unless all of them were present once.

    A partition missing after that is lost; a new one would sell its seats again.
    """
    await redis.set(keys.PARTITIONS, partitions, nx=True)
    installed = int(await redis.get(keys.PARTITIONS) or 0)
    if installed != partitions:
        raise SystemExit(f"PARTITIONS is {partitions}, but Redis was installed for {installed}")
    was_installed = await redis.exists(keys.INSTALLED)
    install_partition = load(redis, "install_partition")
    for partition in range(partitions):
        names = [keys.outbox(partition), keys.epoch(partition), keys.webhooks(partition)]
        (word,) = await install_partition(keys=names, args=[was_installed, keys.SETTLEMENT])
        if word == b"LOST":
            raise SystemExit(f"partition {partition} has lost its epoch or its outbox: its seats need recovery")
    await redis.set(keys.INSTALLED, 1)


async def _load_catalogue(definitions: Definitions, catalog_dir: Path) -> None:
    """Load the venues, then the events; a file's name is the id of the venue or event in it."""
    for file in sorted((catalog_dir / "venues").glob("*.json")):
        venue = decode_body(file.read_bytes(), msgspec.json.Decoder(DefineVenueBody))
        try:
            await definitions.define_venue(venue.venue(read_identifier(file.stem, "venueId")), only_new=True)
            log.info("venue defined", extra={"venue_id": file.stem})
        except AlreadyDefined:
            log.info("venue already defined", extra={"venue_id": file.stem})
    for file in sorted((catalog_dir / "events").glob("*.json")):
        event = decode_body(file.read_bytes(), msgspec.json.Decoder(ScheduleEventBody))
        try:
            await definitions.schedule(event.event(read_identifier(file.stem, "eventId")), only_new=True)
            log.info("event scheduled", extra={"event_id": file.stem})
        except AlreadyDefined:
            log.info("event already scheduled", extra={"event_id": file.stem})


def main() -> None:
    settings = Settings.read()
    configure_logging(settings.logging_config)
    parser = argparse.ArgumentParser(prog="purchase-install", description="Prepare Redis and load the catalogue.")
    parser.add_argument(
        "--catalog", type=Path, default=Path(settings.catalog_dir), help="folder that contains venues/ and events/"
    )
    catalog_dir = parser.parse_args().catalog
    if not catalog_dir.is_dir():
        raise SystemExit(f"CATALOG_DIR is {catalog_dir}, which is not a folder")
    asyncio.run(install(settings, catalog_dir))


if __name__ == "__main__":
    main()
