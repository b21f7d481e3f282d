"""The check against main: what it compares and reports. This working tree passes it."""

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


def test_a_missing_schema_or_sample_is_reported_and_a_new_one_is_not() -> None:
    released = {f"{SCHEMAS}/a.v1.json": ID, f"{SAMPLES}/a.v1.json": {"id": "1"}}
    proposed = {f"{SCHEMAS}/a.v2.json": NUMBER, f"{SAMPLES}/a.v2.json": {"id": 1}}

    assert breaking_changes(released, proposed) == [
        f"{SAMPLES}/a.v1.json: $ is gone, though it was released",
        f"{SCHEMAS}/a.v1.json: $ is gone, though it was released",
    ]
    assert breaking_changes(released, released | proposed) == []


def test_schemas_and_samples_are_compared_by_different_rules() -> None:
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


def test_the_report_says_where_a_branch_breaks_a_schema(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    feature(repository, NUMBER)
    repository.commit()

    assert compatibility.main(repository.root) == 1
    output = capsys.readouterr().out
    assert f"  {SCHEMAS}/a.v1.json: {BROKEN}" in output
    assert "docs/contracts.md" in output


def test_uncommitted_changes_are_compared(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    feature(repository, NUMBER)

    assert compatibility.main(repository.root) == 1
    assert BROKEN in capsys.readouterr().out


def test_the_report_says_that_a_branch_is_behind_main(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit()
    repository.git("branch", "feature")
    released(repository, ID)
    repository.git("switch", "--quiet", "feature")

    assert compatibility.main(repository.root) == 1
    assert "HEAD lacks commits of main: merge or rebase first" in capsys.readouterr().out


def test_on_main_a_commit_that_breaks_its_parents_schema_is_reported(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    released(repository, ID)
    released(repository, NUMBER)

    assert compatibility.main(repository.root) == 1
    assert BROKEN in capsys.readouterr().out


def test_on_main_uncommitted_changes_are_compared_with_the_last_commit_too(
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


def test_the_first_commit_passes_with_nothing_to_compare_with(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    released(repository, ID)

    assert compatibility.main(repository.root) == 0
    assert "nothing to compare with" in capsys.readouterr().out


def test_the_commit_with_the_first_schemas_passes_with_nothing_to_compare_with(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit()
    released(repository, ID)

    assert compatibility.main(repository.root) == 0
    assert "nothing to compare with" in capsys.readouterr().out


def test_a_later_commit_has_something_to_compare_with(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    released(repository, ID)
    released(repository, NOTE)

    assert compatibility.main(repository.root) == 0
    assert "nothing to compare with" not in capsys.readouterr().out


def test_a_tree_that_cannot_be_compared_does_not_pass(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compatibility.main(repository.root) == 2
    assert "cannot compare with main: there is no main branch here" in capsys.readouterr().out


def test_a_file_that_is_not_json_does_not_pass(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    released(repository, ID)
    (repository.root / SCHEMAS / "a.v1.json").write_text("{")

    assert compatibility.main(repository.root) == 2
    assert f"{SCHEMAS}/a.v1.json: " in capsys.readouterr().out


def released(repository: Repository, schema: Any) -> None:
    repository.write("a.v1", schema)
    repository.commit()


def feature(repository: Repository, schema: Any) -> None:
    """Release `ID` on main, then write `schema` into the working tree of a branch, uncommitted."""
    released(repository, ID)
    repository.git("switch", "--quiet", "--create", "feature")
    repository.write("a.v1", schema)
