"""The verb that writes schemas, samples and their description writes them all, and never over a broken promise."""

import json
from typing import Any

import pytest

from tests.contract import release
from tests.contract.compatibility import SAMPLES, SCHEMAS, documents
from tests.contract.repository import Repository

NAME = "ticket.purchased.v1"


def test_everything_that_is_promised_is_written_and_what_describes_it(repository: Repository) -> None:
    repository.commit()

    assert release.main(repository.root) == 0
    assert documents(repository.root) == release.promised()
    for path, text in release.described().items():
        assert (repository.root / path).read_bytes() == text


def test_writing_again_changes_nothing_and_says_so(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    repository.commit()
    release.main(repository.root)
    capsys.readouterr()

    assert release.main(repository.root) == 0
    assert capsys.readouterr().out == "nothing had changed\n"


def test_what_was_never_released_is_removed_when_the_code_no_longer_promises_it(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.commit()
    repository.write("seat.painted.v1", {})

    assert release.main(repository.root) == 0
    assert f"removed {SCHEMAS}/seat.painted.v1.json" in capsys.readouterr().out
    assert documents(repository.root) == release.promised()


@pytest.mark.parametrize("folder", [SCHEMAS, SAMPLES])
def test_what_was_released_is_not_overwritten_with_something_that_breaks_it(
    repository: Repository, capsys: pytest.CaptureFixture[str], folder: str
) -> None:
    repository.commit()
    release.main(repository.root)
    rewrite(repository, folder, {"seller": {"type": "string"}})
    repository.commit()
    before = documents(repository.root)

    assert release.main(repository.root) == 1
    assert documents(repository.root) == before
    told = capsys.readouterr().out
    assert f"{folder}/{NAME}.json: " in told
    assert told.endswith("nothing was written\n")


def test_nothing_is_written_when_nobody_can_say_what_was_released(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    assert release.main(repository.root) == 2
    assert documents(repository.root) == {}
    assert "nothing was written, for it could not be compared with main" in capsys.readouterr().out


def rewrite(repository: Repository, folder: str, additions: dict[str, Any]) -> None:
    """Make the released document promise more than the code does."""
    path = repository.root / folder / f"{NAME}.json"
    document = json.loads(path.read_text())
    document["properties" if folder == SCHEMAS else "data"] |= additions
    path.write_text(json.dumps(document))
