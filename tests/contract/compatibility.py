"""Compare the working tree's schemas and samples with main's. `./taskw check` runs it.

Exits with 0 if they are compatible, with 1 and a list of the breaking changes if not, and with 2 if
they cannot be compared.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.contract.breaking import Change, sample_changes, schema_changes
from tests.contract.main_branch import CannotCompare, Commit, files_of, is_behind, released_commits

ROOT = Path(__file__).parents[2]
SCHEMAS = "libs/contracts/schemas"
SAMPLES = "libs/contracts/samples"
RULE = "A released version may only gain optional fields; anything else needs a new version: see docs/contracts.md."

_CHANGES = {SCHEMAS: schema_changes, SAMPLES: sample_changes}


class Comparison(NamedTuple):
    """How many files a commit had released, and a sentence for each breaking change since."""

    commit: Commit
    released: int
    broken: list[str]


def compared(proposed: Mapping[str, Any], root: Path = ROOT) -> list[Comparison]:
    """Compare documents, keyed by path, with those of every commit that counts as released.

    Raises CannotCompare.
    """
    comparisons = []
    for commit in released_commits(root):
        released = parsed(files_of(root, commit, _CHANGES))
        comparisons.append(Comparison(commit, len(released), breaking_changes(released, proposed)))
    return comparisons


def breaking_changes(released: Mapping[str, Any], proposed: Mapping[str, Any]) -> list[str]:
    """List the released schemas and samples that are gone or broken. A new one breaks nothing."""
    broken = []
    for path, document in sorted(released.items()):
        changes = [Change("$", "is gone, though it was released")]
        if path in proposed:
            changes = _CHANGES[str(Path(path).parent)](document, proposed[path])
        broken += [f"{path}: {change}" for change in changes]
    return broken


def documents(root: Path = ROOT) -> dict[str, bytes]:
    """Read the working tree's schemas and samples, committed or not, keyed by path."""
    paths = [path for folder in _CHANGES for path in sorted((root / folder).glob("*.json"))]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def parsed(files: Mapping[str, bytes]) -> dict[str, Any]:
    """Parse the files. Raises CannotCompare, naming the file that is not JSON."""
    read = {}
    for path, text in files.items():
        try:
            read[path] = json.loads(text)
        except ValueError as error:
            raise CannotCompare(f"{path}: {error}") from error
    return read


def report(comparisons: list[Comparison], root: Path = ROOT) -> list[str]:
    """Format the comparisons, line by line."""
    lines = []
    for commit, released, broken in comparisons:
        lines.append(f"{commit}: {released} released schemas and samples, {len(broken)} breaking changes")
        lines += [f"  {sentence}" for sentence in broken]
        if broken and is_behind(root, commit):
            lines.append("  HEAD lacks commits of main: merge or rebase first")
    if not any(released for commit, released, _ in comparisons if commit.name != "HEAD"):
        lines.append("nothing to compare with: there is no earlier commit, or it has no schemas")
    return lines


def main(root: Path = ROOT) -> int:
    try:
        comparisons = compared(parsed(documents(root)), root)
    except CannotCompare as error:
        sys.stdout.write(f"cannot compare with main: {error}\n")
        return 2
    broken = any(comparison.broken for comparison in comparisons)
    sys.stdout.write("\n".join([*report(comparisons, root), *([RULE] if broken else [])]) + "\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
