"""The settings of each container in compose.yaml."""

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
"""The stores whose image is built here."""

Services = dict[str, dict[str, Any]]


def services_with(settings: Mapping[str, str]) -> Services:
    """Return the services that run, as Docker Compose reads the file with these settings alone."""
    command = ["docker", "compose", "--env-file", os.devnull, "--file", str(ROOT / "compose.yaml"), "config"]
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **settings}
    output = subprocess.run([*command, "--format=json"], env=environment, capture_output=True, check=True).stdout
    described: Services = json.loads(output)["services"]
    return {name: service for name, service in described.items() if service.get("scale") != 0}


@pytest.fixture(scope="module", params=["rabbitmq", "kafka"])
def services(request: pytest.FixtureRequest) -> Services:
    """Return the services that run with this broker."""
    return services_with(CHOICES[request.param])


def test_the_default_broker_is_rabbitmq() -> None:
    assert services_with({}) == services_with(CHOICES["rabbitmq"])


def test_only_one_broker_runs_and_all_its_clients_name_it() -> None:
    for broker, settings in CHOICES.items():
        services = services_with(settings)
        assert services.keys() & CHOICES.keys() == {broker}
        named = {service["environment"].get("BROKER") for service in services.values() if "environment" in service}
        assert named - {None} == {broker}


def test_only_the_gateway_has_a_published_port_and_only_on_this_machine(services: Services) -> None:
    [port] = services["gateway"]["ports"]
    assert (port["host_ip"], port["published"]) == ("127.0.0.1", "8080")
    assert [name for name, service in services.items() if "ports" in service] == ["gateway"]


def test_an_image_from_outside_has_a_major_and_a_minor_version(services: Services) -> None:
    from_outside = services.keys() & (STORES - OURS | {"gateway"})
    unversioned = {name for name in from_outside if not re.search(r":\d+\.\d+", services[name]["image"])}
    assert unversioned == {"dynamodb"}, "DynamoDB itself has no versions"


def test_an_image_that_is_built_here_is_never_pulled(services: Services) -> None:
    for name in services.keys() - STORES - {"gateway"}:
        assert services[name]["pull_policy"] == "never", name


def test_every_container_is_restarted_except_the_one_shots(services: Services) -> None:
    policies = {name: service["restart"] for name, service in services.items()}
    assert policies == {name: "no" if name in ONE_SHOTS else "unless-stopped" for name in services}


def test_every_container_has_limits_for_memory_and_logs(services: Services) -> None:
    for name, service in services.items():
        assert int(service["deploy"]["resources"]["limits"]["memory"]) <= 3 * 1024**3, name
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}, name


def test_our_containers_and_the_gateway_are_read_only_and_have_no_rights(services: Services) -> None:
    for name in services.keys() - STORES | OURS:
        assert services[name]["read_only"], name
        assert services[name]["cap_drop"] == ["ALL"], name
        assert services[name]["security_opt"] == ["no-new-privileges:true"], name


def test_each_service_has_the_setting_for_traces_and_it_is_empty(services: Services) -> None:
    for name in services.keys() - STORES - {"gateway"}:
        assert services[name]["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"] == "", name


def test_the_data_of_each_store_outlives_its_container(services: Services) -> None:
    for name in STORES & services.keys():
        assert name in {volume["source"] for volume in services[name]["volumes"] if volume["type"] == "volume"}


def test_no_service_starts_before_its_stores_are_prepared(services: Services) -> None:
    for name in services.keys() - STORES - ONE_SHOTS - {"gateway"}:
        conditions = {dependency["condition"] for dependency in services[name]["depends_on"].values()}
        assert conditions == {"service_completed_successfully"}, name
    for name in ONE_SHOTS | {"gateway"}:
        conditions = {dependency["condition"] for dependency in services[name]["depends_on"].values()}
        assert conditions == {"service_healthy"}, name
