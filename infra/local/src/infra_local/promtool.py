"""promtool, which checks Prometheus's files, extracted from Debian's package without its server."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from infra_local import debian

PACKAGE = "prometheus"
FOLDER = Path(sys.executable).parent
"""The folder of the other programs that are installed for this checkout only."""


class PromtoolMissing(Exception):
    """promtool is missing and cannot be fetched; the text says what to do."""


def promtool() -> str:
    """Return the path of promtool, fetched if it is missing. Raises PromtoolMissing."""
    return shutil.which("promtool") or shutil.which("promtool", path=FOLDER) or str(_fetch(FOLDER))


def _fetch(folder: Path) -> Path:
    """Extract promtool from its Debian package into `folder`. Nothing is installed."""
    if shutil.which("apt-get") is None:
        raise PromtoolMissing("promtool is missing on this machine; it is part of Prometheus")
    print(f"extracting promtool from the Debian package {PACKAGE}", flush=True)
    with tempfile.TemporaryDirectory(prefix="ticketing-") as directory:
        if debian.can_install():
            debian.apt_get(["update"])
        if debian.apt_get(["download", PACKAGE], directory) != 0:
            raise PromtoolMissing(
                f"apt-get download {PACKAGE} failed, see its output above; run as root: apt-get update"
            )
        [archive] = Path(directory).glob("*.deb")
        subprocess.run(["dpkg-deb", "--extract", archive, directory], check=True)
        return Path(shutil.copy2(Path(directory) / "usr/bin/promtool", folder))
