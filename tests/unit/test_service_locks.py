"""What goes into a service's image is what the whole workspace locks, as far as that service needs it."""

from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
OURS = {"contracts", "purchase", "message-terminal", "query"}


def locked(path: Path) -> dict[str, str]:
    """Each locked package by its name: version, marker and hashes."""
    entries = path.read_text().replace("\\\n", "").splitlines()
    return {entry.split("==")[0]: entry for entry in entries}


def wanted_here(entry: str) -> bool:
    """Whether this entry's marker holds for this Python."""
    requirement = Requirement(entry.split("--hash")[0])
    return requirement.marker is None or requirement.marker.evaluate()


def needed_by(name: str, extra: str = "") -> set[tuple[str, str]]:
    """A package's own requirements, as (name, extra), when it is installed with this extra."""
    found = [Requirement(text) for text in requires(name) or []]
    held = [one for one in found if one.marker is None or one.marker.evaluate({"extra": extra})]
    return {(one.name.lower(), chosen) for one in held for chosen in {"", *one.extras}}


def closure(service: str) -> set[str]:
    """Every package that the service needs here, its own and contracts left out."""
    seen: set[tuple[str, str]] = set()
    open_ends = {(service, "")}
    while open_ends:
        seen |= open_ends
        open_ends = set().union(*(needed_by(*package) for package in open_ends)) - seen
    return {name.replace("_", "-") for name, _ in seen} - OURS


@pytest.mark.parametrize("service", ["purchase", "message-terminal", "query"])
def test_a_service_locks_just_what_it_needs_and_as_the_workspace_does(service: str) -> None:
    everything = locked(ROOT / "requirements.txt")
    of_service = locked(ROOT / "services" / service / "requirements.txt")
    assert of_service == {name: everything[name] for name in of_service}
    assert {name for name, entry in of_service.items() if wanted_here(entry)} == closure(service)
