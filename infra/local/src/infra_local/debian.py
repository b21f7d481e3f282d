"""Installs RabbitMQ and MariaDB, which PyPI does not have, from Debian if this user may."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from infra_local.programs import DEBIAN_FOLDERS, DEBIAN_PACKAGES

POLICY = Path("/usr/sbin/policy-rc.d")
MAY_NOT_START = "#!/bin/sh\nexit 101\n"
LOCK_SECONDS = 300


class ServersMissing(Exception):
    """Programs are missing and cannot be installed from here; the text says what to do."""


def missing_packages(packages: Mapping[str, str] = DEBIAN_PACKAGES) -> list[str]:
    """Return the packages whose programs are missing; `packages` is keyed by program."""
    missing = {package for program, package in packages.items() if not shutil.which(program, path=DEBIAN_FOLDERS)}
    return sorted(missing)


def can_install() -> bool:
    """Return whether this user may install Debian packages."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install_missing_servers() -> None:
    """Install the platform's missing packages. Raises ServersMissing if that is not possible."""
    install_missing(DEBIAN_PACKAGES)


def install_missing(wanted: Mapping[str, str]) -> None:
    """Install the missing ones of these packages, keyed by program. Raises ServersMissing."""
    packages = missing_packages(wanted)
    if not packages:
        return
    command = f"apt-get install --no-install-recommends {' '.join(packages)}"
    if not can_install():
        raise ServersMissing(f"programs are missing on this machine; run as root: {command}")
    print(f"installing the Debian packages {' '.join(packages)}", flush=True)
    with without_starting_services():
        for arguments in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
            if apt_get(arguments) != 0:
                raise ServersMissing(f"apt-get {arguments[0]} failed, see its output above; once it works: {command}")


def apt_get(arguments: list[str], directory: str | None = None) -> int:
    """Run apt-get, in this directory, without questions. It waits for another running apt-get."""
    options = ["-q", "-o", f"DPkg::Lock::Timeout={LOCK_SECONDS}"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", *options, *arguments]
    return subprocess.run(command, cwd=directory, env=environment, stdin=subprocess.DEVNULL, check=False).returncode


@contextmanager
def without_starting_services() -> Iterator[None]:
    """Keep Debian from starting servers after the installation.

    An existing policy is not changed.
    """
    try:
        with POLICY.open("x") as policy:
            policy.write(MAY_NOT_START)
    except FileExistsError:
        yield
        return
    try:
        POLICY.chmod(0o755)
        yield
    finally:
        POLICY.unlink(missing_ok=True)
