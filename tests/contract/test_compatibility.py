"""The check against the main branch: what it compares, what it answers, and that this very tree passes it."""

from pathlib import Path
from typing import Any

import pytest

from tests.contract import compatibility
from tests.contract.compatibility import SAMPLES, SCHEMAS, breaking_changes
from tests.contract.repository import Repository

ID = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
NOTE = {"type": "object", "properties": {"id": {"type": "string"}, "note": {"type": "string"}}, "required": ["id"]}
NUMBER = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}
BROKEN = '$.id type was "string" and is now "integer"'


def test_this_tree_breaks_nothing_that_main_has_released(capfd: pytest.CaptureFixture[str]) -> None:
    assert compatibility.main() == 0, capfd.readouterr().out


def test_a_schema_or_sample_that_is_gone_is_named_and_a_new_one_is_welcome() -> None:
    released = {f"{SCHEMAS}/a.v1.json": ID, f"{SAMPLES}/a.v1.json": {"id": "1"}}
    proposed = {f"{SCHEMAS}/a.v2.json": NUMBER, f"{SAMPLES}/a.v2.json": {"id": 1}}

    assert breaking_changes(released, proposed) == [
        f"{SAMPLES}/a.v1.json: $ is gone, though it was released",
        f"{SCHEMAS}/a.v1.json: $ is gone, though it was released",
    ]
    assert breaking_changes(released, released | proposed) == []


def test_schemas_and_samples_are_each_judged_by_their_own_rules() -> None:
    released = {f"{SCHEMAS}/a.v1.json": ID, f"{SAMPLES}/a.v1.json": {"id": "1"}}
    proposed = {f"{SCHEMAS}/a.v1.json": NUMBER, f"{SAMPLES}/a.v1.json": {"id": 1}}

    assert breaking_changes(released, proposed) == [
        f'{SAMPLES}/a.v1.json: $.id was "1" and is now 1',
        f"{SCHEMAS}/a.v1.json: {BROKEN}: a value may be refused by either",
    ]


def test_a_branch_that_only_adds_passes(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    feature(repository, NOTE)

    assert compatibility.main(repository.root) == 0
    assert "1 released schemas and samples, 0 breaking changes" in capsys.readouterr().out


def test_a_branch_that_breaks_a_schema_is_told_where(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    feature(repository, NUMBER)
    repository.commit()

    assert compatibility.main(repository.root) == 1
    told = capsys.readouterr().out
    assert f"  {SCHEMAS}/a.v1.json: {BROKEN}" in told
    assert "docs/contracts.md" in told


def test_what_is_not_committed_yet_is_compared(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    feature(repository, NUMBER)

    assert compatibility.main(repository.root) == 1
    assert BROKEN in capsys.readouterr().out


def test_a_branch_that_main_has_left_behind_is_told_so(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit()
    repository.git("branch", "feature")
    released(repository, ID)
    repository.git("switch", "--quiet", "feature")

    assert compatibility.main(repository.root) == 1
    assert "HEAD lacks commits of main: bring them in first" in capsys.readouterr().out


def test_on_main_a_commit_that_breaks_its_parents_schema_is_named(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    released(repository, ID)
    released(repository, NUMBER)

    assert compatibility.main(repository.root) == 1
    assert BROKEN in capsys.readouterr().out


def test_on_main_what_is_uncommitted_is_compared_also_with_what_the_last_commit_brought(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit()
    released(repository, ID)
    repository.write("a.v1", NUMBER)

    assert compatibility.main(repository.root) == 1
    assert BROKEN in capsys.readouterr().out


def test_a_clone_that_is_too_shallow_is_deepened_and_compared(
    repository: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    released(repository, ID)
    released(repository, NUMBER)
    clone = repository.cloned(tmp_path / "clone", "--depth=1")

    assert compatibility.main(clone.root) == 1
    assert BROKEN in capsys.readouterr().out


def test_the_first_commit_passes_and_says_that_nothing_was_released(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    released(repository, ID)

    assert compatibility.main(repository.root) == 0
    assert "nothing was released before" in capsys.readouterr().out


def test_so_does_the_commit_that_brings_the_first_schemas(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit()
    released(repository, ID)

    assert compatibility.main(repository.root) == 0
    assert "nothing was released before" in capsys.readouterr().out


def test_nothing_else_says_so(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    released(repository, ID)
    released(repository, NOTE)

    assert compatibility.main(repository.root) == 0
    assert "nothing was released before" not in capsys.readouterr().out


def test_what_cannot_be_compared_does_not_pass(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    assert compatibility.main(repository.root) == 2
    assert "not compared with main: there is no main branch here" in capsys.readouterr().out


def test_a_file_that_is_no_json_does_not_pass(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    released(repository, ID)
    (repository.root / SCHEMAS / "a.v1.json").write_text("{")

    assert compatibility.main(repository.root) == 2
    assert f"{SCHEMAS}/a.v1.json: " in capsys.readouterr().out


def released(repository: Repository, schema: Any) -> None:
    repository.write("a.v1", schema)
    repository.commit()


def feature(repository: Repository, schema: Any) -> None:
    """Main has released `ID`; the working tree of a branch holds `schema`, not committed."""
    released(repository, ID)
    repository.git("switch", "--quiet", "--create", "feature")
    repository.write("a.v1", schema)
