"""Paths of the private servers' programs: beside this Python if from PyPI, else Debian's."""

import shutil
import sys
from pathlib import Path

RABBITMQ_PACKAGES = {"rabbitmq-server": "rabbitmq-server", "epmd": "rabbitmq-server"}
MARIADB_PACKAGES = {
    "mariadbd": "mariadb-server",
    "mariadb-install-db": "mariadb-server",
    "mariadb": "mariadb-server",
}
DEBIAN_PACKAGES = RABBITMQ_PACKAGES | MARIADB_PACKAGES
# Debian's own /usr/sbin/rabbitmq-server requires the user rabbitmq, so RabbitMQ's folder is first.
DEBIAN_FOLDERS = "/usr/lib/rabbitmq/bin:/usr/bin:/usr/sbin:/usr/local/bin:/usr/local/sbin"


class ProgramMissing(Exception):
    """A server's program is not on this machine."""

    def __init__(self, program: str) -> None:
        package = DEBIAN_PACKAGES[program]
        super().__init__(f"{program} is missing; run as root: apt-get install --no-install-recommends {package}")


def debian_program(name: str) -> str:
    """Return the path of a program from a Debian package. Raises ProgramMissing."""
    path = shutil.which(name, path=DEBIAN_FOLDERS)
    if path is None:
        raise ProgramMissing(name)
    return path


def python_program(name: str) -> str:
    """Return the path of a program that was installed from PyPI beside this Python."""
    return str(Path(sys.executable).parent / name)
