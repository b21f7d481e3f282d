"""promtool is taken from this machine if it is there, and otherwise the user is told what to do."""

from pathlib import Path

import pytest
from infra_local import promtool


def test_one_that_is_installed_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / "promtool"
    installed.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert promtool.promtool() == str(installed)


def test_one_that_was_fetched_before_is_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "promtool").touch(mode=0o755)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(promtool, "FOLDER", tmp_path)
    assert promtool.promtool() == str(tmp_path / "promtool")


def test_who_cannot_fetch_it_is_told_where_it_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(promtool, "FOLDER", tmp_path)
    with pytest.raises(promtool.PromtoolMissing, match="Prometheus"):
        promtool.promtool()
