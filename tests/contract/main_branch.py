"""Reads from git what the main branch has released.

CannotCompare           the released files are unknown: there is no main, or git or its remote fails
"""

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_LOCAL, _REMOTE = "refs/heads/main", "refs/remotes/origin/main"
_GIT_SECONDS = 120


class CannotCompare(Exception):
    """The released files are unknown."""


class Commit(NamedTuple):
    """A released commit, and the name by which reports refer to it."""

    name: str
    sha: str

    def __str__(self) -> str:
        return f"{self.name} ({self.sha[:10]})"


def released_commits(root: Path) -> list[Commit]:
    """Return the commits to compare the working tree with: main, or on main HEAD and its parent.

    HEAD is there for uncommitted changes. A first commit has no parent.
    Raises CannotCompare.
    """
    _git(root, "rev-parse", "--git-dir")
    head, main = _commit(root, "HEAD"), _main(root)
    if main is not None and main != head:
        return [Commit("main", main)]
    if head is None or (main is None and _parent(root, head) is not None):
        raise CannotCompare("there is no main branch here, and no remote `origin` to fetch it from")
    parent = _parent(root, head)
    return [Commit("HEAD", head)] + ([Commit("HEAD's parent", parent)] if parent else [])


def files_of(root: Path, commit: Commit, folders: Iterable[str]) -> dict[str, bytes]:
    """Read the JSON files of some folders at a commit, keyed by path. Paths start at `root`."""
    listed = _git(root, "ls-tree", "-z", "--name-only", commit.sha, *(f"{folder}/" for folder in folders)).split("\0")
    paths = [path for path in listed if path.endswith(".json")]
    return {path: _git(root, "show", f"{commit.sha}:./{path}").encode() for path in paths}


def is_behind(root: Path, commit: Commit) -> bool:
    """Return whether HEAD lacks this commit of main."""
    return not _succeeds(root, "merge-base", "--is-ancestor", commit.sha, "HEAD")


def _main(root: Path) -> str | None:
    """Return main's commit, fetched if unknown; None if there is neither a main nor an origin."""
    known = _commit(root, _LOCAL) or _commit(root, _REMOTE)
    if known is not None or not _has_origin(root):
        return known
    depth = ["--depth=1"] if _is_shallow(root) else []
    _git(root, "fetch", "--quiet", "--no-tags", *depth, "origin", f"+{_LOCAL}:{_REMOTE}")
    return _commit(root, _REMOTE)


def _parent(root: Path, sha: str) -> str | None:
    """Return the (first) parent, fetched if the clone is too shallow; None for a first commit."""
    header = _git(root, "cat-file", "commit", sha).split("\n\n")[0]
    parents = [line.removeprefix("parent ") for line in header.splitlines() if line.startswith("parent ")]
    if not parents:
        return None
    if _commit(root, parents[0]) is None:
        _git(root, "fetch", "--quiet", "--no-tags", "--deepen=1", "origin", _LOCAL)
    if _commit(root, parents[0]) is None:
        raise CannotCompare(f"the parent of {sha} could not be fetched into this shallow clone")
    return parents[0]


def _commit(root: Path, revision: str) -> str | None:
    command = ("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    return _git(root, *command).strip() if _succeeds(root, *command) else None


def _has_origin(root: Path) -> bool:
    return _succeeds(root, "remote", "get-url", "origin")


def _is_shallow(root: Path) -> bool:
    return _git(root, "rev-parse", "--is-shallow-repository").strip() == "true"


def _succeeds(root: Path, *arguments: str) -> bool:
    return _run(root, *arguments).returncode == 0


def _git(root: Path, *arguments: str) -> str:
    answer = _run(root, *arguments)
    if answer.returncode:
        raise CannotCompare(f"git {' '.join(arguments)}: {answer.stderr.strip()}")
    return answer.stdout


def _run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            check=False,
            encoding="utf-8",
            env=os.environ | {"GIT_TERMINAL_PROMPT": "0"},
            timeout=_GIT_SECONDS,
        )
    except FileNotFoundError as error:
        raise CannotCompare("git is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise CannotCompare(f"git {' '.join(arguments)}: no answer in {_GIT_SECONDS} s") from error
