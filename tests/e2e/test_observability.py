"""What whoever looks after the platform sees of it: the figures that alerts watch, and log lines of one shape."""

import json
import re

import httpx
import pytest
from infra_local.composition import SERVICES
from infra_local.servers import INFRA

from tests.stage.platforms.running import RunningPlatform

SANDBOX = "sandbox"
"""It stands for somebody else's service, of which nobody watches the figures."""

ONE_SHOTS = ("setup", "install")
OF_PROMETHEUS_ITSELF = {"up"}


def figures(platform: RunningPlatform, service: str) -> set[str]:
    """What a service counts, each with its labels."""
    told = httpx.get(platform.url_of(service) + "/metrics", follow_redirects=True).raise_for_status().text
    return {line.rpartition(" ")[0] for line in told.splitlines() if not line.startswith("#")}


def watched() -> set[str]:
    """The figures that alerts look at."""
    expressions = re.findall(r"expr: (.+)", (INFRA / "observability" / "alerts.yml").read_text())
    return {name for expression in expressions for name in re.findall(r"([a-z_]+)(?:\[| [<>=])", expression)}


def test_each_figure_that_an_alert_watches_is_told_by_a_service(platform: RunningPlatform) -> None:
    told = {
        figure.partition("{")[0] for service in SERVICES if service != SANDBOX for figure in figures(platform, service)
    }
    assert len(watched()) > len(OF_PROMETHEUS_ITSELF)
    assert watched() - OF_PROMETHEUS_ITSELF - told == set()


@pytest.mark.parametrize("model", ["write", "read"])
def test_a_model_has_its_figures_from_the_start(platform: RunningPlatform, model: str) -> None:
    names = ("projection_lag_seconds", "messages_projected_total", "messages_parked_total", "double_sales_total")
    assert {f'{name}{{model="{model}"}}' for name in names} <= figures(platform, f"terminal-{model}")


@pytest.mark.parametrize("name", [*SERVICES, *ONE_SHOTS])
def test_every_line_of_a_process_has_the_one_shape(platform: RunningPlatform, name: str) -> None:
    lines = platform.log_of(name).splitlines()
    assert lines
    for line in lines:
        assert {"time", "level", "logger", "message"} <= json.loads(line).keys(), line
