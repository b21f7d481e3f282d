"""Prometheus's own checks of its configuration, of the alerts, and of when they fire."""

import subprocess
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from infra_local.promtool import promtool
from infra_local.servers import INFRA

pytestmark = pytest.mark.starts_processes

OBSERVABILITY = INFRA / "observability"


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["check", "config", "prometheus.yml"], id="configuration"),
        pytest.param(["check", "rules", "alerts.yml"], id="rules"),
        pytest.param(["test", "rules", "alerts.test.yml"], id="when-they-fire"),
    ],
)
def test_promtool_passes(arguments: list[str]) -> None:
    result = subprocess.run(
        [promtool(), *arguments], cwd=OBSERVABILITY, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_each_alert_is_tested_both_firing_and_not_firing() -> None:
    tested = {
        (case["alertname"], bool(case["exp_alerts"]))
        for group in _read("alerts.test.yml")["tests"]
        for case in group["alert_rule_test"]
    }
    alerts = [rule["alert"] for group in _read("alerts.yml")["groups"] for rule in group["rules"]]
    assert tested == {(alert, fires) for alert in alerts for fires in (True, False)}


def _read(name: str) -> Any:
    return yaml.safe_load((OBSERVABILITY / name).read_text())
