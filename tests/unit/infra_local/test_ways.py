"""Which way the platform is run: what was asked for, else what the data and the machine suggest."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from infra_local.ways import choose
from rich.console import Console


@dataclass
class SomeWay:
    name: str
    words: str = ""
    runs: bool = False

    def is_running(self) -> bool:
        return self.runs

    def addresses(self) -> Mapping[str, str]:
        return {}

    def clear(self) -> None: ...

    def bring_up(self, console: Console) -> None: ...

    def take_down(self, *, purge: bool) -> None: ...

    def follow_logs(self) -> None: ...


@pytest.mark.parametrize(
    ("asked", "runs", "last", "engine", "taken", "why"),
    [
        (None, None, None, True, "docker", "a Docker engine answers here"),
        (None, None, None, False, "private", "no Docker engine with Docker Compose answers here"),
        (None, None, "private", True, "private", "as last time, so that its data are there"),
        (None, None, "docker", True, "docker", "as last time, so that its data are there"),
        (None, None, "docker", False, "private", "no Docker engine with Docker Compose answers here"),
        (None, "private", "docker", True, "private", "it runs already"),
        (None, "docker", None, True, "docker", "it runs already"),
        ("private", None, "docker", True, "private", "you asked for it"),
        ("docker", None, "private", False, "docker", "you asked for it"),
    ],
)
def test_the_way_is_chosen_and_the_reason_told(
    asked: str | None, runs: str | None, last: str | None, engine: bool, taken: str, why: str
) -> None:
    both = [SomeWay(name, runs=name == runs) for name in ("docker", "private")]
    choice = choose(both, asked=asked, last=last, engine_answers=lambda: engine)
    assert (choice.way.name, choice.why) == (taken, why)
