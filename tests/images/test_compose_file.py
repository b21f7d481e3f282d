"""What compose.yaml promises about each container."""

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from infra_local.composition import CHOICES

ROOT = Path(__file__).parents[2]
ONE_SHOTS = {"install", "setup"}
STORES = {"redis", "rabbitmq", "kafka", "mysql", "dynamodb", "sandbox"}
OURS = {"sandbox"}
"""The stores whose image is ours."""

Services = dict[str, dict[str, Any]]


def understood(settings: Mapping[str, str]) -> Services:
    """The services that run, as Docker Compose understands the file with nothing set but these."""
    command = ["docker", "compose", "--env-file", os.devnull, "--file", str(ROOT / "compose.yaml"), "config"]
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **settings}
    output = subprocess.run([*command, "--format=json"], env=environment, capture_output=True, check=True).stdout
    found: Services = json.loads(output)["services"]
    return {name: service for name, service in found.items() if service.get("scale") != 0}


@pytest.fixture(scope="module", params=["rabbitmq", "kafka"])
def services(request: pytest.FixtureRequest) -> Services:
    """All that runs on this broker."""
    return understood(CHOICES[request.param])


def test_without_any_setting_it_runs_on_rabbitmq() -> None:
    assert understood({}) == understood(CHOICES["rabbitmq"])


def test_one_broker_runs_and_everyone_who_speaks_to_a_broker_is_told_which() -> None:
    for broker, settings in CHOICES.items():
        services = understood(settings)
        assert services.keys() & CHOICES.keys() == {broker}
        told = {service["environment"].get("BROKER") for service in services.values() if "environment" in service}
        assert told - {None} == {broker}


def test_only_the_gateway_is_published_and_only_here(services: Services) -> None:
    [port] = services["gateway"]["ports"]
    assert (port["host_ip"], port["published"]) == ("127.0.0.1", "8080")
    assert [name for name, service in services.items() if "ports" in service] == ["gateway"]


def test_what_is_not_built_here_comes_in_a_version_to_its_second_number(services: Services) -> None:
    from_outside = services.keys() & (STORES - OURS | {"gateway"})
    floating = {name for name in from_outside if not re.search(r":\d+\.\d+", services[name]["image"])}
    assert floating == {"dynamodb"}, "DynamoDB itself has no versions"


def test_what_is_built_here_is_asked_of_no_registry(services: Services) -> None:
    for name in services.keys() - STORES - {"gateway"}:
        assert services[name]["pull_policy"] == "never", name


def test_whatever_runs_on_is_started_again_and_what_prepares_is_not(services: Services) -> None:
    policies = {name: service["restart"] for name, service in services.items()}
    assert policies == {name: "no" if name in ONE_SHOTS else "unless-stopped" for name in services}


def test_everything_has_its_bounds(services: Services) -> None:
    for name, service in services.items():
        assert int(service["deploy"]["resources"]["limits"]["memory"]) <= 3 * 1024**3, name
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}, name


def test_what_is_ours_and_the_gateway_cannot_write_to_their_file_systems_and_have_no_rights(services: Services) -> None:
    for name in services.keys() - STORES | OURS:
        assert services[name]["read_only"], name
        assert services[name]["cap_drop"] == ["ALL"], name
        assert services[name]["security_opt"] == ["no-new-privileges:true"], name


def test_each_service_is_told_where_traces_go_which_is_nowhere_unless_somebody_says_so(services: Services) -> None:
    for name in services.keys() - STORES - {"gateway"}:
        assert services[name]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"] == "", name


def test_the_data_of_each_store_outlives_its_container(services: Services) -> None:
    for name in STORES & services.keys():
        assert name in {volume["source"] for volume in services[name]["volumes"] if volume["type"] == "volume"}


def test_nothing_serves_before_its_stores_are_prepared(services: Services) -> None:
    for name in services.keys() - STORES - ONE_SHOTS - {"gateway"}:
        conditions = {waited["condition"] for waited in services[name]["depends_on"].values()}
        assert conditions == {"service_completed_successfully"}, name
    for name in ONE_SHOTS | {"gateway"}:
        conditions = {waited["condition"] for waited in services[name]["depends_on"].values()}
        assert conditions == {"service_healthy"}, name
