"""A real git repository to try the comparison on."""

import json
import subprocess
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.contract.compatibility import SCHEMAS


class Repository:
    """A working tree of its own, on the branch main."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def created(cls, root: Path) -> "Repository":
        root.mkdir(parents=True)
        repository = cls(root)
        repository.git("init", "--quiet", "--initial-branch=main")
        return repository

    def cloned(self, root: Path, *options: str) -> "Repository":
        """A clone as over a network: git takes a path for a reason to ignore `--depth`."""
        self.git("clone", "--quiet", *options, self.root.as_uri(), str(root))
        return Repository(root)

    def write(self, name: str, document: Any) -> None:
        """Put a schema into the working tree."""
        path = self.root / SCHEMAS / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))

    def commit(self) -> str:
        """Commit all there is, even if nothing changed; its id, which no other commit has."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", uuid4().hex)
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.root), *arguments], capture_output=True, check=True, encoding="utf-8", timeout=60
        )
        return done.stdout.strip()
