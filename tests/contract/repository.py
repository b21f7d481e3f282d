"""A real git repository for the tests of the comparison with main."""

import json
import subprocess
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.contract.compatibility import SCHEMAS


class Repository:
    """A separate working tree on the branch main."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def created(cls, root: Path) -> "Repository":
        root.mkdir(parents=True)
        repository = cls(root)
        repository.git("init", "--quiet", "--initial-branch=main")
        return repository

    def cloned(self, root: Path, *options: str) -> "Repository":
        """Clone by URL: given a path, git ignores `--depth`."""
        self.git("clone", "--quiet", *options, self.root.as_uri(), str(root))
        return Repository(root)

    def write(self, name: str, document: Any) -> None:
        """Write a schema into the working tree."""
        path = self.root / SCHEMAS / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))

    def commit(self) -> str:
        """Commit everything, even if nothing changed, and return the commit's (unique) id."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", uuid4().hex)
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.root), *arguments], capture_output=True, check=True, encoding="utf-8", timeout=60
        )
        return done.stdout.strip()
