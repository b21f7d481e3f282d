"""The release command writes all contract files, unless that breaks a released one."""

import json
from typing import Any

import pytest

from tests.contract import release
from tests.contract.compatibility import SAMPLES, SCHEMAS, documents
from tests.contract.repository import Repository

NAME = "ticket.purchased.v1"


def test_schemas_samples_and_asyncapi_files_are_written(repository: Repository) -> None:
    repository.commit()

    assert release.main(repository.root) == 0
    assert documents(repository.root) == release.contract_files()
    for path, text in release.asyncapi_files().items():
        assert (repository.root / path).read_bytes() == text


def test_writing_again_changes_nothing_and_says_so(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    repository.commit()
    release.main(repository.root)
    capsys.readouterr()

    assert release.main(repository.root) == 0
    assert capsys.readouterr().out == "nothing to change\n"


def test_an_unreleased_schema_is_removed_when_it_is_no_longer_in_the_code(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit()
    repository.write("seat.painted.v1", {})

    assert release.main(repository.root) == 0
    assert f"removed {SCHEMAS}/seat.painted.v1.json" in capsys.readouterr().out
    assert documents(repository.root) == release.contract_files()


@pytest.mark.parametrize("folder", [SCHEMAS, SAMPLES])
def test_a_released_file_is_not_overwritten_with_a_breaking_change(
    repository: Repository, capsys: pytest.CaptureFixture[str], folder: str
) -> None:
    repository.commit()
    release.main(repository.root)
    rewrite(repository, folder, {"seller": {"type": "string"}})
    repository.commit()
    before = documents(repository.root)

    assert release.main(repository.root) == 1
    assert documents(repository.root) == before
    output = capsys.readouterr().out
    assert f"{folder}/{NAME}.json: " in output
    assert output.endswith("nothing was written\n")


def test_nothing_is_written_when_main_cannot_be_compared(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert release.main(repository.root) == 2
    assert documents(repository.root) == {}
    assert "nothing was written: cannot compare with main" in capsys.readouterr().out


def rewrite(repository: Repository, folder: str, additions: dict[str, Any]) -> None:
    """Add fields to the released document that the code does not have."""
    path = repository.root / folder / f"{NAME}.json"
    document = json.loads(path.read_text())
    document["properties" if folder == SCHEMAS else "data"] |= additions
    path.write_text(json.dumps(document))
