"""Installing partitions and the sample catalogue, once; nothing present is overwritten."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from contracts.catalogue import EventScheduled, VenueDefined
from purchase.box_office import Purchase, PurchaseTicket
from purchase.install import install
from purchase.settings import Settings
from purchase.store import keys
from purchase.store.connection import Recovering, connect
from redis import Redis

from tests.stage.builders import PARTITIONS, event, venue, zone
from tests.stage.http_client import EventOnSale, open_client
from tests.stage.interleaving import Process
from tests.stage.problems import assert_problem
from tests.stage.processes.purchase import NO_CATALOGUE, SAMPLE_CATALOGUE, environment, run, serving
from tests.stage.redis_state import RedisState

pytestmark = pytest.mark.starts_processes

OTHER_PARTITIONS = str(PARTITIONS + 1)


@pytest.fixture
def redis_state(redis_url: str) -> Iterator[RedisState]:
    """Yield the state of an empty Redis."""
    with Redis.from_url(redis_url) as redis:
        yield RedisState(redis)


async def prepare(redis_url: str, catalog_dir: Path = SAMPLE_CATALOGUE) -> None:
    """Install as `python -m purchase.install` does."""
    await install(Settings.read(environment(redis_url)), catalog_dir)


async def test_the_sample_catalogue_is_complete(redis_url: str, redis_state: RedisState) -> None:
    installed = run("purchase.install", redis_url, "--catalog", str(SAMPLE_CATALOGUE))

    assert installed.returncode == 0, installed.stdout
    redis_state.assert_agreement("Venue1", "Event1")
    redis_state.assert_agreement("Venue2", "Event2")
    zones = redis_state.event("Event1").zones
    assert [zone.zone_id for zone in zones] == list(range(1, 101))
    assert sum(zone.row_count * zone.col_count for zone in zones) == 78_000
    assert sum(zone.row_count * zone.col_count * zone.price_cents for zone in zones) == 9_672_000_00
    assert [type(message) for message in redis_state.messages_about("Event1")] == [EventScheduled]
    assert [type(message) for message in redis_state.messages_about("Venue1")] == [VenueDefined]


async def test_the_sample_catalogue_is_on_sale(redis_url: str) -> None:
    await prepare(redis_url)
    redis = connect(redis_url)

    bought = await Process(redis).box_office.purchase(
        PurchaseTicket(venue_id="Venue1", event_id="Event1", zone_id=100, row="30", column="z"), None
    )

    assert isinstance(bought, Purchase)
    assert bought.ticket.price_cents == 20_00
    await redis.aclose()


async def test_the_environment_chooses_the_folder_of_the_catalogue(redis_url: str, redis_state: RedisState) -> None:
    installed = run("purchase.install", redis_url, CATALOG_DIR=str(SAMPLE_CATALOGUE))

    assert installed.returncode == 0, installed.stdout
    redis_state.assert_agreement("Venue2", "Event2")


async def test_the_error_names_a_missing_folder(redis_url: str, redis_state: RedisState, tmp_path: Path) -> None:
    with redis_state.unchanged():
        refused = run("purchase.install", redis_url, "--catalog", str(tmp_path / "nowhere"))

    assert refused.returncode != 0
    assert f"{tmp_path}/nowhere" in refused.stdout


async def test_a_second_installation_changes_nothing(redis_url: str, redis_state: RedisState) -> None:
    await prepare(redis_url)

    with redis_state.unchanged():
        await prepare(redis_url)


async def test_two_simultaneous_installations_install_once(redis_url: str, redis_state: RedisState) -> None:
    await asyncio.gather(prepare(redis_url), prepare(redis_url))

    for name in ("Venue1", "Venue2", "Event1", "Event2"):
        assert len(redis_state.messages_about(name)) == 1


async def test_an_installation_keeps_the_changes_of_an_admin(redis_url: str, redis_state: RedisState) -> None:
    await prepare(redis_url)
    redis = connect(redis_url)
    definitions = Process(redis).definitions
    await definitions.define_venue(venue(venue_id="Venue2", zones=(zone(zone_id=7),)))
    await definitions.schedule(event(event_id="Event2", venue_id="Venue2", name="Renamed"))

    with redis_state.unchanged():
        await prepare(redis_url)

    await redis.aclose()


async def test_an_installation_keeps_the_definitions_of_an_admin_and_adds_the_rest(
    redis_url: str, redis_state: RedisState
) -> None:
    await prepare(redis_url, NO_CATALOGUE)
    redis = connect(redis_url)
    await Process(redis).definitions.define_venue(venue(venue_id="Venue2", zones=(zone(zone_id=7),)))

    await prepare(redis_url)

    assert [zone.zone_id for zone in redis_state.venue("Venue2").zones] == [7]
    redis_state.assert_agreement("Venue2", "Event2")
    redis_state.assert_agreement("Venue1", "Event1")
    await redis.aclose()


async def test_an_interrupted_installation_is_completed_by_repeating_it(
    redis_url: str, redis_state: RedisState
) -> None:
    await prepare(redis_url, NO_CATALOGUE)
    redis_state.redis.delete(keys.INSTALLED, keys.outbox(PARTITIONS - 1), keys.epoch(PARTITIONS - 1))

    await prepare(redis_url)

    assert redis_state.last_position(PARTITIONS - 1)
    redis_state.assert_agreement("Venue1", "Event1")


async def test_an_installation_with_another_number_of_partitions_is_refused(
    redis_url: str, redis_state: RedisState
) -> None:
    await prepare(redis_url, NO_CATALOGUE)

    with redis_state.unchanged():
        refused = run("purchase.install", redis_url, PARTITIONS=OTHER_PARTITIONS)

    assert refused.returncode != 0
    assert f"PARTITIONS is {OTHER_PARTITIONS}, but Redis was installed for {PARTITIONS}" in refused.stdout


async def test_a_service_with_another_number_of_partitions_does_not_start(
    redis_url: str, redis_state: RedisState
) -> None:
    await prepare(redis_url, NO_CATALOGUE)

    with redis_state.unchanged():
        refused = run("purchase.app", redis_url, PARTITIONS=OTHER_PARTITIONS)

    assert refused.returncode != 0
    assert f"PARTITIONS is {OTHER_PARTITIONS}, but Redis was installed for {PARTITIONS}" in refused.stdout


async def test_a_running_process_changes_nothing_in_a_redis_with_another_number_of_partitions(
    redis_url: str, redis_state: RedisState
) -> None:
    redis = connect(redis_url)
    process = Process(redis)
    await prepare(redis_url, NO_CATALOGUE)
    redis_state.redis.set(keys.PARTITIONS, OTHER_PARTITIONS)

    with redis_state.unchanged(), pytest.raises(Recovering):
        await process.definitions.define_venue(venue())

    await redis.aclose()


async def test_finishing_changes_ends_a_process_with_another_number_of_partitions(
    redis_url: str, redis_state: RedisState
) -> None:
    redis = connect(redis_url)
    process = Process(redis)
    redis_state.redis.set(keys.PARTITIONS, OTHER_PARTITIONS)

    with pytest.raises(SystemExit, match="PARTITIONS"):
        await process.definitions.finish_all_pending()

    await redis.aclose()


@pytest.mark.parametrize(
    "kinds", [[keys.outbox], [keys.epoch], [keys.outbox, keys.epoch]], ids=["outbox", "epoch", "both"]
)
async def test_a_lost_partition_is_not_created_again(
    redis_url: str, redis_state: RedisState, kinds: list[Callable[[int], str]]
) -> None:
    await prepare(redis_url)
    redis_state.redis.delete(*(kind(2) for kind in kinds))

    with redis_state.unchanged(), pytest.raises(SystemExit, match=r"partition 2 .* need recovery"):
        await prepare(redis_url)


async def test_an_installation_fails_and_names_the_lost_partition(redis_url: str, redis_state: RedisState) -> None:
    await prepare(redis_url, NO_CATALOGUE)
    redis_state.redis.delete(keys.outbox(0))

    refused = run("purchase.install", redis_url)

    assert refused.returncode != 0
    assert "partition 0" in refused.stdout


async def test_a_service_without_installation_sells_nothing_and_creates_nothing(
    redis_url: str, redis_state: RedisState
) -> None:
    with serving(redis_url, health="/health/live") as running, redis_state.unchanged():
        async with open_client(running.url) as client:
            ready = await client.http.get("/health/ready")
            bought = await client.buy(EventOnSale("Venue1", "Event1").seat())
            defined = await client.define("Venue1")

    assert ready.status_code == 503
    assert ready.json() == {
        "status": "not ready",
        "checks": {"redis": "Redis does not answer, or a partition has no outbox"},
    }
    assert_problem(bought, 503, "recovering")
    assert_problem(defined, 503, "recovering")
