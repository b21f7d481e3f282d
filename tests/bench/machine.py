"""Describes the machine, and the versions of the programs on it."""

import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path

from infra_local.programs import debian_program, python_program
from infra_local.servers import kafka, valkey

from tests.bench.figures import Machine

LIBRARIES = ("litestar", "uvicorn", "msgspec", "redis", "faststream", "aio-pika", "aiokafka", "sqlalchemy", "ministack")
ANSWER_SECONDS = 30


def describe() -> Machine:
    """Read /proc, and ask the programs for their versions."""
    return Machine(
        processor=_field("/proc/cpuinfo", "model name"),
        cores=os.cpu_count() or 1,
        memory_gb=round(int(_field("/proc/meminfo", "MemTotal").removesuffix(" kB")) / 1024**2, 1),
        kernel=platform.release(),
        versions=_versions(),
    )


def _field(path: str, name: str) -> str:
    """Return the first value of this name."""
    lines = Path(path).read_text().splitlines()
    return next(line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == name)


def _versions() -> dict[str, str]:
    redis = valkey(Path(), lambda _: 0).argv[0]
    tansu = kafka(Path(), lambda _: 0).argv
    return {
        "Python": platform.python_version(),
        **{library: metadata.version(library) for library in LIBRARIES},
        "Valkey": _version_of(redis, "--version"),
        "RabbitMQ": _version_of(str(Path(debian_program("rabbitmq-server")).with_name("rabbitmqctl")), "version"),
        "Tansu": _version_of(*tansu[: tansu.index("broker")], "--version"),
        "MariaDB": _version_of(debian_program("mariadbd"), "--version"),
        "Caddy": _version_of(python_program("caddy"), "version"),
        "wrk": _version_of("wrk", "--version"),
    }


def _version_of(*command: str) -> str:
    """Return the first number with dots that the program prints."""
    result = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=ANSWER_SECONDS, check=False
    )
    version = re.search(r"\d+(\.\d+)+", result.stdout + result.stderr)
    assert version is not None, command
    return version[0]
