"""Debian packages are installed without starting their servers, or the user learns the command."""

from pathlib import Path

import pytest
from infra_local import debian


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "policy-rc.d"
    monkeypatch.setattr(debian, "POLICY", path)
    return path


def test_services_cannot_start_during_the_install(policy: Path) -> None:
    with debian.without_starting_services():
        assert policy.read_text() == "#!/bin/sh\nexit 101\n"
        assert policy.stat().st_mode & 0o111
    assert not policy.exists()


def test_the_policy_is_removed_when_the_install_fails(policy: Path) -> None:
    with pytest.raises(RuntimeError), debian.without_starting_services():
        raise RuntimeError
    assert not policy.exists()


def test_an_existing_policy_is_not_changed(policy: Path) -> None:
    policy.write_text("mine")
    with debian.without_starting_services():
        assert policy.read_text() == "mine"
    assert policy.read_text() == "mine"


def test_a_user_who_may_not_install_sees_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "missing_packages", lambda _: ["mariadb-server", "rabbitmq-server"])
    monkeypatch.setattr(debian, "can_install", lambda: False)
    with pytest.raises(
        debian.ServersMissing, match="apt-get install --no-install-recommends mariadb-server rabbitmq-server"
    ):
        debian.install_missing_servers()
