"""Debian's packages are installed without starting their servers, and otherwise the user is told what to do."""

from pathlib import Path

import pytest
from infra_local import debian


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "policy-rc.d"
    monkeypatch.setattr(debian, "POLICY", path)
    return path


def test_services_are_kept_from_starting_only_for_the_time_of_the_install(policy: Path) -> None:
    with debian.services_kept_from_starting():
        assert policy.read_text() == "#!/bin/sh\nexit 101\n"
        assert policy.stat().st_mode & 0o111
    assert not policy.exists()


def test_the_policy_goes_when_the_install_fails(policy: Path) -> None:
    with pytest.raises(RuntimeError), debian.services_kept_from_starting():
        raise RuntimeError
    assert not policy.exists()


def test_a_policy_that_was_there_is_left_alone(policy: Path) -> None:
    policy.write_text("mine")
    with debian.services_kept_from_starting():
        assert policy.read_text() == "mine"
    assert policy.read_text() == "mine"


def test_who_may_not_install_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "missing_packages", lambda _: ["mariadb-server", "rabbitmq-server"])
    monkeypatch.setattr(debian, "can_install", lambda: False)
    with pytest.raises(
        debian.ServersMissing, match="apt-get install --no-install-recommends mariadb-server rabbitmq-server"
    ):
        debian.install_missing_servers()
