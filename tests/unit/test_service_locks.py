"""An image's lock: the packages that it needs, in the versions of the workspace."""

from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
OURS = {"contracts", "purchase", "message-terminal", "query", "payment-sandbox"}


def locked(path: Path) -> dict[str, str]:
    """Return version, marker and hashes of each locked package, by its name."""
    entries = path.read_text().replace("\\\n", "").splitlines()
    return {entry.split("==")[0]: entry for entry in entries}


def is_for_this_python(entry: str) -> bool:
    """Return whether this entry's marker applies to this Python."""
    requirement = Requirement(entry.split("--hash")[0])
    return requirement.marker is None or requirement.marker.evaluate()


def needed_by(name: str, extra: str = "") -> set[tuple[str, str]]:
    """Return a package's direct requirements with this extra, as (name, extra)."""
    declared = [Requirement(text) for text in requires(name) or []]
    required = [one for one in declared if one.marker is None or one.marker.evaluate({"extra": extra})]
    return {(one.name.lower(), its_extra) for one in required for its_extra in {"", *one.extras}}


def closure(package: str, extra: str) -> set[str]:
    """Return all packages that this one needs with this extra on this Python, except our own."""
    visited: set[tuple[str, str]] = set()
    to_visit = {(package, ""), (package, extra)}
    while to_visit:
        visited |= to_visit
        to_visit = set().union(*(needed_by(*one) for one in to_visit)) - visited
    return {name.replace("_", "-") for name, _ in visited} - OURS


@pytest.mark.parametrize(
    ("folder", "package", "extra"),
    [
        ("services/purchase", "purchase", "stripe"),
        ("services/message-terminal", "message-terminal", ""),
        ("services/query", "query", ""),
        ("infra/sandbox", "payment-sandbox", ""),
    ],
)
def test_an_image_locks_only_the_packages_it_needs_as_the_workspace_does(folder: str, package: str, extra: str) -> None:
    workspace = locked(ROOT / "requirements.txt")
    image = locked(ROOT / folder / "requirements.txt")
    assert image == {name: workspace[name] for name in image}
    assert {name for name, entry in image.items() if is_for_this_python(entry)} == closure(package, extra)
