"""The kinds of tests: they share the stage alone, and a pure test loads no store's client."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
KINDS = {"unit", "contract", "integration", "e2e", "mysql", "images", "bench"}
PROGRAMS = {("unit", "bench"), ("unit", "plain_english")}
"""Programs among the tests, which have unit tests themselves."""

PURE = ("tests.unit", "tests.contract", "tests.images")
CLIENTS = {"aioboto3", "aiokafka", "aio_pika", "confluent_kafka", "sqlalchemy", "testcontainers"}


def imports_of(path: Path) -> set[str]:
    """Return the full names of the modules, and of the names in them, that this one imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(TESTS.parent).with_suffix("").parts)


IMPORTS = {module_of(path): imports_of(path) for path in sorted(TESTS.rglob("*.py"))}


def kinds_in(names: set[str]) -> set[str]:
    return {name.split(".")[1] for name in names if name.startswith("tests.")}


def stands_on(module: str) -> Iterator[str]:
    """Yield the modules of tests/ that this one imports, directly or through others."""
    waiting, seen = [module], {module}
    while waiting:
        current = waiting.pop()
        yield current
        found = {name if name in IMPORTS else name.rpartition(".")[0] for name in IMPORTS[current]}
        waiting += (found & IMPORTS.keys()) - seen
        seen |= found


@pytest.mark.parametrize("kind", sorted(KINDS | {"stage"}))
def test_a_kind_of_tests_imports_no_other_kind(kind: str) -> None:
    allowed = {kind, "stage"} | {subject for owner, subject in PROGRAMS if owner == kind}
    imports = {module: names for module, names in IMPORTS.items() if module.startswith(f"tests.{kind}.")}

    assert imports
    assert {module: kinds_in(names) - allowed for module, names in imports.items() if kinds_in(names) - allowed} == {}


def test_no_pure_test_imports_a_store_s_client() -> None:
    modules = {module for pure in IMPORTS if pure.startswith(PURE) for module in stands_on(pure)}
    helpers = {module for module in modules if module.startswith("tests.stage.")}

    assert helpers
    assert {module for module in helpers if {name.partition(".")[0] for name in IMPORTS[module]} & CLIENTS} == set()


def test_starting_pytest_imports_no_store_s_client() -> None:
    command = "import sys, tests.conftest; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", command], cwd=TESTS.parent, capture_output=True, text=True, check=True
    ).stdout.split()

    assert CLIENTS.isdisjoint(loaded)


def test_every_folder_is_a_kind_of_tests_or_the_stage() -> None:
    folders = {path.name for path in TESTS.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders == KINDS | {"stage"}
