"""The runbook's own commands move a composition from RabbitMQ to Kafka while a crowd buys."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from infra_local.brokers import LastBroker
from infra_local.composition import CHOICES, ROOT
from infra_local.servers import read_environment

from tests.e2e.test_race import assert_models_agree
from tests.stage.platforms import composed
from tests.stage.platforms.buying import WAVE, buying
from tests.stage.platforms.composed import ComposedPlatform
from tests.stage.platforms.on_sale import put_on_sale

CHAPTER = "## Moving to another broker"


@pytest.fixture
def moving() -> Iterator[ComposedPlatform]:
    """Start a platform on RabbitMQ, beside the one that other tests use."""
    with composed.running("rabbitmq", "-moving") as platform:
        yield platform


def commands() -> str:
    """Return the commands in the runbook's chapter."""
    chapter = (ROOT / "docs/runbook.md").read_text().partition(CHAPTER)[2]
    return chapter.partition("```sh\n")[2].partition("```")[0]


async def type_in(project: str, folder: Path) -> None:
    """Run these commands in this folder, up to the first that fails; raise AssertionError then."""
    project_environment = {"COMPOSE_PROJECT_NAME": project, "COMPOSE_FILE": str(ROOT / "compose.yaml")}
    shell = await asyncio.create_subprocess_exec(
        *("bash", "-exc", commands()),
        cwd=folder,
        env={**os.environ, **project_environment},
        stdin=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        assert await shell.wait() == 0
    finally:
        if shell.returncode is None:
            os.killpg(shell.pid, signal.SIGKILL)
            await shell.wait()


@pytest.mark.timeout(900)
async def test_the_runbooks_commands_lose_nothing_and_leave_the_platform_on_kafka(
    moving: ComposedPlatform, tmp_path: Path
) -> None:
    local, settings = tmp_path / ".local", tmp_path / ".env"
    local.mkdir()
    put_on_sale(moving, "Venue1", "Moving")
    async with buying(moving, "Moving") as sold:
        await type_in(moving.composition.project, tmp_path)
        moving.last_broker.remember(LastBroker(local / "docker-broker").name)
        await asyncio.to_thread(moving.bring_up_again)
        sold_during_move = len(sold.sold)
    assert sold_during_move > 0
    assert len(sold.sold) >= sold_during_move + WAVE
    assert sold.failed == []
    assert sold.refused == 0
    assert moving.broker == "kafka"
    assert read_environment(settings) == CHOICES[moving.broker]
    assert CHOICES.keys() & moving.process_ids().keys() == {moving.broker}
    await assert_models_agree(moving, "Venue1", "Moving", sold)
