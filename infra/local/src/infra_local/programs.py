"""Where the programs of the private servers are: beside this Python when PyPI has them, else where Debian puts them."""

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
# Debian's own /usr/sbin/rabbitmq-server insists on the user rabbitmq, so RabbitMQ's folder comes first.
DEBIAN_FOLDERS = "/usr/lib/rabbitmq/bin:/usr/bin:/usr/sbin:/usr/local/bin:/usr/local/sbin"


class ProgramMissing(Exception):
    """A server's program is not on this machine."""

    def __init__(self, program: str) -> None:
        package = DEBIAN_PACKAGES[program]
        super().__init__(f"{program} is missing; as root: apt-get install --no-install-recommends {package}")


def debian_program(name: str) -> str:
    """Full path of a program that comes in a Debian package. Raises ProgramMissing."""
    path = shutil.which(name, path=DEBIAN_FOLDERS)
    if path is None:
        raise ProgramMissing(name)
    return path


def python_program(name: str) -> str:
    """Full path of a program that was installed from PyPI beside this Python."""
    return str(Path(sys.executable).parent / name)
