"""What goes into an image is what the whole workspace locks, as far as its package needs it."""

from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
OURS = {"contracts", "purchase", "message-terminal", "query", "payment-sandbox"}


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


def closure(package: str, extra: str) -> set[str]:
    """Every package that one of ours needs here, with this extra; its own and contracts left out."""
    seen: set[tuple[str, str]] = set()
    open_ends = {(package, ""), (package, extra)}
    while open_ends:
        seen |= open_ends
        open_ends = set().union(*(needed_by(*one) for one in open_ends)) - seen
    return {name.replace("_", "-") for name, _ in seen} - OURS


@pytest.mark.parametrize(
    ("folder", "package", "extra"),
    [
        ("services/purchase", "purchase", "stripe"),
        ("services/message-terminal", "message-terminal", ""),
        ("services/query", "query", ""),
        ("infra/sandbox", "payment-sandbox", ""),
    ],
)
def test_an_image_locks_just_what_it_needs_and_as_the_workspace_does(folder: str, package: str, extra: str) -> None:
    everything = locked(ROOT / "requirements.txt")
    of_image = locked(ROOT / folder / "requirements.txt")
    assert of_image == {name: everything[name] for name in of_image}
    assert {name for name, entry in of_image.items() if wanted_here(entry)} == closure(package, extra)
