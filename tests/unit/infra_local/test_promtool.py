"""An installed promtool is used; if there is none and it cannot be fetched, the user learns why."""

from pathlib import Path

import pytest
from infra_local import promtool


def test_an_installed_promtool_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / "promtool"
    installed.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert promtool.promtool() == str(installed)


def test_a_promtool_that_was_fetched_before_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "promtool").touch(mode=0o755)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(promtool, "FOLDER", tmp_path)
    assert promtool.promtool() == str(tmp_path / "promtool")


def test_without_apt_the_error_names_the_source_of_promtool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(promtool, "FOLDER", tmp_path)
    with pytest.raises(promtool.PromtoolMissing, match="Prometheus"):
        promtool.promtool()
