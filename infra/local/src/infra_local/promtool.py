"""Prometheus's own judge of its files, taken out of the Debian package that would bring the server along with it."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from infra_local import debian

PACKAGE = "prometheus"
FOLDER = Path(sys.executable).parent
"""Beside the other programs that are installed for this checkout alone."""


class PromtoolMissing(Exception):
    """It is not on this machine, and cannot be had from here; says what to do."""


def promtool() -> str:
    """Full path of promtool, fetched when it is missing. Raises PromtoolMissing."""
    return shutil.which("promtool") or shutil.which("promtool", path=FOLDER) or str(_fetch(FOLDER))


def _fetch(folder: Path) -> Path:
    """Take it out of its Debian package; nothing is installed, and no right is needed but to write into `folder`."""
    if shutil.which("apt-get") is None:
        raise PromtoolMissing("promtool is missing on this machine; it comes with Prometheus")
    print(f"taking promtool out of the Debian package {PACKAGE}", flush=True)
    with tempfile.TemporaryDirectory(prefix="ticketing-") as directory:
        if debian.can_install():
            debian.apt_get(["update"])
        if debian.apt_get(["download", PACKAGE], directory) != 0:
            raise PromtoolMissing(f"apt-get download {PACKAGE} failed, its words are above; as root: apt-get update")
        [archive] = Path(directory).glob("*.deb")
        subprocess.run(["dpkg-deb", "--extract", archive, directory], check=True)
        return Path(shutil.copy2(Path(directory) / "usr/bin/promtool", folder))
