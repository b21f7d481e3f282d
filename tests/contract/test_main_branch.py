"""Which commits count as released, in every state of a repository."""

from pathlib import Path

import pytest

from tests.contract.main_branch import CannotCompare, Commit, files_of, is_behind, released_commits
from tests.contract.repository import Repository

FOLDERS = ("libs/contracts/schemas", "libs/contracts/samples")


def test_a_branch_is_compared_with_main(repository: Repository) -> None:
    main = repository.commit()
    repository.git("switch", "--quiet", "--create", "feature")
    repository.commit()

    assert released_commits(repository.root) == [Commit("main", main)]


def test_a_branch_behind_main_is_compared_with_main_as_it_is_now(repository: Repository) -> None:
    repository.commit()
    repository.git("branch", "feature")
    main = repository.commit()
    repository.git("switch", "--quiet", "feature")

    (commit,) = released_commits(repository.root)

    assert commit == Commit("main", main)
    assert is_behind(repository.root, commit)


def test_main_is_compared_with_its_parent_and_uncommitted_changes_with_main(repository: Repository) -> None:
    parent = repository.commit()
    head = repository.commit()

    assert released_commits(repository.root) == [Commit("HEAD", head), Commit("HEAD's parent", parent)]


def test_a_merge_on_main_is_compared_with_main_before_the_merge(repository: Repository) -> None:
    repository.commit()
    repository.git("switch", "--quiet", "--create", "feature")
    repository.commit()
    repository.git("switch", "--quiet", "main")
    before = repository.commit()
    repository.git("merge", "--quiet", "--no-ff", "feature")

    assert released_commits(repository.root)[1].sha == before


def test_a_new_branch_without_commits_is_compared_as_main_is(repository: Repository) -> None:
    parent = repository.commit()
    head = repository.commit()
    repository.git("switch", "--quiet", "--create", "feature")

    assert [commit.sha for commit in released_commits(repository.root)] == [head, parent]


def test_a_checkout_without_a_branch_at_the_tip_of_main_is_compared_as_main_is(
    repository: Repository, tmp_path: Path
) -> None:
    parent = repository.commit()
    head = repository.commit()
    clone = repository.cloned(tmp_path / "clone")
    clone.git("checkout", "--quiet", "--detach")
    clone.git("branch", "--quiet", "--delete", "main")

    assert [commit.sha for commit in released_commits(clone.root)] == [head, parent]


def test_a_first_commit_is_compared_with_itself_alone(repository: Repository) -> None:
    head = repository.commit()

    assert released_commits(repository.root) == [Commit("HEAD", head)]


def test_a_first_commit_on_a_branch_of_another_name_is_compared_with_itself_alone(repository: Repository) -> None:
    repository.git("symbolic-ref", "HEAD", "refs/heads/trunk")
    head = repository.commit()

    assert released_commits(repository.root) == [Commit("HEAD", head)]


def test_a_first_commit_is_compared_with_an_unrelated_main(repository: Repository) -> None:
    main = repository.commit()
    repository.git("switch", "--quiet", "--orphan", "anew")
    repository.commit()

    assert released_commits(repository.root) == [Commit("main", main)]


def test_a_clone_without_a_main_branch_uses_origins(repository: Repository, tmp_path: Path) -> None:
    main = repository.commit()
    repository.git("switch", "--quiet", "--create", "feature")
    repository.commit()
    clone = repository.cloned(tmp_path / "clone", "--branch=feature")

    assert released_commits(clone.root) == [Commit("main", main)]


@pytest.mark.parametrize("depth", [[], ["--depth=1"]], ids=["whole", "shallow"])
def test_a_clone_that_knows_no_main_fetches_it(repository: Repository, tmp_path: Path, depth: list[str]) -> None:
    repository.write("ticket.purchased.v1", {})
    main = repository.commit()
    repository.git("switch", "--quiet", "--create", "feature")
    repository.commit()
    clone = repository.cloned(tmp_path / "clone", "--branch=feature", "--single-branch", *depth)

    (commit,) = released_commits(clone.root)

    assert commit == Commit("main", main)
    assert files_of(clone.root, commit, FOLDERS) == {"libs/contracts/schemas/ticket.purchased.v1.json": b"{}"}
    assert clone.git("rev-parse", "--is-shallow-repository") == ("true" if depth else "false")


def test_the_parent_of_main_is_fetched_into_a_shallow_clone(repository: Repository, tmp_path: Path) -> None:
    repository.commit()
    repository.write("ticket.purchased.v1", {})
    parent = repository.commit()
    head = repository.commit()
    clone = repository.cloned(tmp_path / "clone", "--depth=1")

    commits = released_commits(clone.root)

    assert [commit.sha for commit in commits] == [head, parent]
    assert files_of(clone.root, commits[1], FOLDERS) == {"libs/contracts/schemas/ticket.purchased.v1.json": b"{}"}


def test_one_fetched_commit_and_no_branch_is_enough_to_find_main_and_its_parent(
    repository: Repository, tmp_path: Path
) -> None:
    parent = repository.commit()
    head = repository.commit()
    checkout = Repository.created(tmp_path / "checkout")
    checkout.git("remote", "add", "origin", repository.root.as_uri())
    checkout.git("fetch", "--quiet", "--depth=1", "origin", head)
    checkout.git("checkout", "--quiet", "--detach", "FETCH_HEAD")

    assert [commit.sha for commit in released_commits(checkout.root)] == [head, parent]


def test_an_old_commit_of_main_is_compared_with_main_as_it_is_now(repository: Repository, tmp_path: Path) -> None:
    past = repository.commit()
    main = repository.commit()
    clone = repository.cloned(tmp_path / "clone")
    clone.git("checkout", "--quiet", "--detach", past)

    assert released_commits(clone.root) == [Commit("main", main)]


def test_a_repository_without_main_and_origin_cannot_be_compared(repository: Repository) -> None:
    repository.commit()
    repository.git("branch", "--move", "trunk")
    repository.commit()

    with pytest.raises(CannotCompare, match="no main branch here, and no remote `origin`"):
        released_commits(repository.root)


def test_a_clone_whose_origin_has_no_main_cannot_be_compared(repository: Repository, tmp_path: Path) -> None:
    repository.git("symbolic-ref", "HEAD", "refs/heads/trunk")
    repository.commit()
    clone = repository.cloned(tmp_path / "clone")

    with pytest.raises(CannotCompare, match=r"git fetch .* refs/heads/main"):
        released_commits(clone.root)


def test_a_clone_whose_origin_is_unreachable_cannot_be_compared(repository: Repository, tmp_path: Path) -> None:
    repository.commit()
    repository.commit()
    clone = repository.cloned(tmp_path / "clone", "--depth=1")
    clone.git("remote", "set-url", "origin", (tmp_path / "nowhere").as_uri())

    with pytest.raises(CannotCompare, match=r"git fetch .* does not appear to be a git repository"):
        released_commits(clone.root)


def test_a_repository_without_commits_cannot_be_compared(repository: Repository) -> None:
    with pytest.raises(CannotCompare, match="no main branch"):
        released_commits(repository.root)


def test_a_folder_outside_a_repository_cannot_be_compared(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(repository.root.parent))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    with pytest.raises(CannotCompare, match="not a git repository"):
        released_commits(elsewhere)


def test_without_git_nothing_can_be_compared(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    repository.commit()
    monkeypatch.setenv("PATH", "")

    with pytest.raises(CannotCompare, match="git is not installed"):
        released_commits(repository.root)


def test_the_files_of_a_commit_are_the_committed_json_files_of_those_folders(repository: Repository) -> None:
    repository.write("ticket.purchased.v1", {"title": "Umlaut: ü"})
    (repository.root / "libs/contracts/schemas/notes.txt").write_text("not a schema")
    (repository.root / "elsewhere.json").write_text("{}")
    head = repository.commit()
    repository.write("ticket.purchased.v1", {"title": "uncommitted"})

    files = files_of(repository.root, Commit("HEAD", head), FOLDERS)

    assert files == {"libs/contracts/schemas/ticket.purchased.v1.json": rb'{"title": "Umlaut: \u00fc"}'}


def test_the_project_may_be_a_subfolder_of_its_repository(repository: Repository) -> None:
    project = Repository(repository.root / "projects" / "ticketing")
    project.write("ticket.purchased.v1", {})
    head = repository.commit()

    (commit,) = released_commits(project.root)

    assert commit.sha == head
    assert files_of(project.root, commit, FOLDERS) == {"libs/contracts/schemas/ticket.purchased.v1.json": b"{}"}
