"""Where the programs of the private servers are: beside this Python when PyPI has them, else where Debian puts them."""

import shutil
import sys
from pathlib import Path

DEBIAN_PACKAGES = {
    "rabbitmq-server": "rabbitmq-server",
    "epmd": "erlang-base",
    "mariadbd": "mariadb-server",
    "mariadb": "mariadb-client",
    "mariadb-install-db": "mariadb-server",
}
# Debian's own /usr/sbin/rabbitmq-server insists on the user rabbitmq, so RabbitMQ's folder comes first.
DEBIAN_FOLDERS = "/usr/lib/rabbitmq/bin:/usr/bin:/usr/sbin:/usr/local/bin:/usr/local/sbin"


class ProgramMissing(Exception):
    """A server's program is not on this machine; says which Debian package has it."""

    def __init__(self, program: str, package: str) -> None:
        super().__init__(f"{program} is missing: install the Debian package {package} (apt-get install {package})")
        self.package = package


def debian_program(name: str) -> str:
    """Full path of a program that Debian packages. Raises ProgramMissing."""
    path = shutil.which(name, path=DEBIAN_FOLDERS)
    if path is None:
        raise ProgramMissing(name, DEBIAN_PACKAGES[name])
    return path


def python_program(name: str) -> str:
    """Full path of a program that was installed from PyPI beside this Python."""
    return str(Path(sys.executable).parent / name)
