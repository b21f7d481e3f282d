"""The answer of /health/ready, alike in all services: a status, and each check by its name."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from query import readiness
from query.readiness import CHECK_SECONDS, REASON_MAX, NotReady

HEALTH_CHECK = Path(__file__).parents[2] / "infra/images/ready.py"


async def passes() -> None:
    """Pass the check."""


async def refuses() -> None:
    raise NotReady("3 partitions are missing")


async def fails() -> None:
    raise OSError("connection refused")


async def hangs() -> None:
    await asyncio.Event().wait()


async def test_a_process_is_ready_when_every_check_passes() -> None:
    status, body = await readiness.readiness({"redis": passes, "kafka": passes})

    assert status == 200
    assert json.loads(body) == {"status": "ready", "checks": {"redis": "ok", "kafka": "ok"}}


async def test_each_failed_check_gives_its_reason() -> None:
    status, body = await readiness.readiness({"redis": refuses, "kafka": fails, "mysql": passes})

    assert status == 503
    assert json.loads(body) == {
        "status": "not ready",
        "checks": {"redis": "3 partitions are missing", "kafka": "OSError: connection refused", "mysql": "ok"},
    }


async def test_checks_run_at_once_and_each_has_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "CHECK_SECONDS", 0.01)

    status, body = await readiness.readiness({"redis": hangs, "kafka": passes})

    assert status == 503
    assert json.loads(body)["checks"] == {"redis": "no answer within 0.01 s", "kafka": "ok"}


async def test_a_reason_is_cut_at_its_limit() -> None:
    async def talks() -> None:
        raise NotReady("x" * 2 * REASON_MAX)

    _, body = await readiness.readiness({"redis": talks})

    assert json.loads(body)["checks"] == {"redis": "x" * REASON_MAX}


def test_the_checks_end_before_a_container_s_health_check_gives_up() -> None:
    (seconds,) = re.findall(r"^ANSWER_SECONDS = ([\d.]+)$", HEALTH_CHECK.read_text(), re.MULTILINE)

    assert float(seconds) > CHECK_SECONDS
