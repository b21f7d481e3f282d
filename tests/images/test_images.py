"""The packages in each of our images, and its rights. `./taskw images` builds them first."""

import json
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
FOLDERS = {
    "purchase": "services/purchase",
    "message-terminal": "services/message-terminal",
    "query": "services/query",
    "sandbox": "infra/sandbox",
}
PACKAGES_OF_OURS = {
    "purchase": {"purchase", "contracts"},
    "message-terminal": {"message-terminal", "contracts"},
    "query": {"query", "contracts"},
    "sandbox": {"payment-sandbox"},
}
MODULES = {"purchase", "message_terminal", "query", "contracts", "infra_local", "payment_sandbox"}
IN_THE_IMAGE = {
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
    "python_full_version": "3.13.0",
    "python_version": "3.13",
    "sys_platform": "linux",
}

PACKAGES = """
import json
from importlib.metadata import distributions
print(json.dumps({package.name.lower().replace("_", "-"): package.version for package in distributions()}))
"""
MODULES_FOUND = f"""
import json
from importlib.util import find_spec
print(json.dumps([name for name in {sorted(MODULES)} if find_spec(name)]))
"""
RIGHTS = """
import json, os
print(json.dumps([name for name in ("/", "/app", "/tmp", "/home", "/usr/local") if os.access(name, os.W_OK)]))
"""


def inside(image: str, *command: str) -> str:
    """Return the output of a command in a container of this image, with a read-only file system."""
    project = json.loads(compose("config", "--format=json"))["name"]
    options = ["--rm", "--read-only", "--network=none", "--cap-drop=ALL", "--entrypoint", command[0]]
    return docker("run", *options, f"{project}-{image}", *command[1:])


def compose(*arguments: str) -> str:
    return docker("compose", "--file", str(ROOT / "compose.yaml"), *arguments)


def docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout


def locked(image: str) -> dict[str, str]:
    """Return name and version of each package in the image's list that is for its Python."""
    entries = (ROOT / FOLDERS[image] / "requirements.txt").read_text().replace("\\\n", "").splitlines()
    requirements = [Requirement(entry.split("--hash")[0]) for entry in entries]
    return {
        requirement.name: str(requirement.specifier).removeprefix("==")
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate(IN_THE_IMAGE)
    }


@pytest.mark.parametrize("image", FOLDERS)
def test_an_image_has_our_packages_and_their_locked_requirements_and_nothing_else(image: str) -> None:
    installed = json.loads(inside(image, "python", "-c", PACKAGES))
    ours = PACKAGES_OF_OURS[image]
    assert installed == {**locked(image), **dict.fromkeys(ours, "0.1.0")}
    assert set(json.loads(inside(image, "python", "-c", MODULES_FOUND))) == {name.replace("-", "_") for name in ours}


@pytest.mark.parametrize("image", FOLDERS)
def test_the_python_of_an_image_has_no_packages_itself(image: str) -> None:
    assert json.loads(inside(image, "/usr/local/bin/python", "-c", PACKAGES)) == {}


@pytest.mark.parametrize("image", FOLDERS)
def test_an_image_runs_without_rights(image: str) -> None:
    assert inside(image, "id", "-u").strip() == "10001"
    assert json.loads(inside(image, "python", "-c", RIGHTS)) == []


@pytest.mark.parametrize("image", FOLDERS)
def test_the_readiness_check_of_an_image_connects_to_its_service(image: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as failure:
        inside(image, "python", "-IS", "/app/ready.py")
    assert "ConnectionRefusedError" in failure.value.stderr
