"""The runbook's own commands move a composition from RabbitMQ to Kafka while a crowd buys."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from infra_local.brokers import LastBroker
from infra_local.composition import CHOICES, ROOT
from infra_local.servers import read_environment

from tests.e2e import composed
from tests.e2e.buying import WAVE, buying
from tests.e2e.composed import ComposedPlatform
from tests.e2e.on_sale import put_on_sale
from tests.e2e.test_race import assert_models_agree

CHAPTER = "## Moving to another broker"


@pytest.fixture
def moving() -> Iterator[ComposedPlatform]:
    """A platform on RabbitMQ, beside the one that other tests use."""
    with composed.running("rabbitmq", "-moving") as platform:
        yield platform


def commands() -> str:
    """What the runbook tells people to type."""
    chapter = (ROOT / "docs/runbook.md").read_text().partition(CHAPTER)[2]
    return chapter.partition("```sh\n")[2].partition("```")[0]


async def type_in(platform: ComposedPlatform, folder: Path) -> None:
    """Run the commands one after the other, in this folder, until one of them fails."""
    process = await asyncio.create_subprocess_exec(
        *("bash", "-exc", commands()),
        cwd=folder,
        env=platform.composition.environment(),
        stdin=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == 0


@pytest.mark.timeout(900)
async def test_the_runbooks_commands_lose_nothing_and_leave_the_platform_on_kafka(
    moving: ComposedPlatform, tmp_path: Path
) -> None:
    (tmp_path / ".local").mkdir()
    put_on_sale(moving, "Venue1", "Moving")
    async with buying(moving, "Moving") as sold:
        await type_in(moving, tmp_path)
        during = len(sold.sold)
    assert sold.failed == []
    assert sold.refused == 0
    assert during >= WAVE
    await assert_models_agree(moving, "Venue1", "Moving", sold)

    moved_to = LastBroker(tmp_path / ".local/docker-broker").name
    assert read_environment(tmp_path / ".env") == CHOICES[moved_to] == CHOICES["kafka"]
    moving.last_broker.remember(moved_to)
    moving.bring_up_again()
    assert "kafka" in moving.process_ids()
    assert "rabbitmq" not in moving.process_ids()
    await assert_models_agree(moving, "Venue1", "Moving", sold)
