"""The metrics that alerts use, and the fields that every log line has."""

import json
import re

import httpx
import pytest
from infra_local.composition import SERVICES
from infra_local.servers import INFRA

from tests.stage.platforms.running import RunningPlatform

SANDBOX = "sandbox"
"""A stand-in for another company's service, so no alert uses its metrics."""

ONE_SHOTS = ("setup", "install")
PROMETHEUS_METRICS = {"up"}


def metrics_of(platform: RunningPlatform, service: str) -> set[str]:
    """Return the metrics of a service, each with its labels."""
    page = httpx.get(platform.url_of(service) + "/metrics", follow_redirects=True).raise_for_status().text
    return {line.rpartition(" ")[0] for line in page.splitlines() if not line.startswith("#")}


def names_in_alerts() -> set[str]:
    """Return the names of the metrics that alerts use."""
    expressions = re.findall(r"expr: (.+)", (INFRA / "observability" / "alerts.yml").read_text())
    return {name for expression in expressions for name in re.findall(r"([a-z_]+)(?:\[| [<>=])", expression)}


def test_a_service_reports_each_metric_that_an_alert_uses(platform: RunningPlatform) -> None:
    reported = {
        metric.partition("{")[0]
        for service in SERVICES
        if service != SANDBOX
        for metric in metrics_of(platform, service)
    }
    assert len(names_in_alerts()) > len(PROMETHEUS_METRICS)
    assert names_in_alerts() - PROMETHEUS_METRICS - reported == set()


@pytest.mark.parametrize("model", ["write", "read"])
def test_a_model_reports_its_metrics_from_the_start(platform: RunningPlatform, model: str) -> None:
    names = ("projection_lag_seconds", "messages_projected_total", "messages_parked_total", "double_sales_total")
    assert {f'{name}{{model="{model}"}}' for name in names} <= metrics_of(platform, f"terminal-{model}")


@pytest.mark.parametrize("name", [*SERVICES, *ONE_SHOTS])
def test_every_log_line_has_the_common_fields(platform: RunningPlatform, name: str) -> None:
    lines = platform.log_of(name).splitlines()
    assert lines
    for line in lines:
        assert {"time", "level", "logger", "message"} <= json.loads(line).keys(), line
