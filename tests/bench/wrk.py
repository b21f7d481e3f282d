"""wrk, which buys seats as fast as it is answered: no seat twice, so that every purchase is a sale."""

import subprocess
from pathlib import Path

import msgspec
from infra_local.programs import DEBIAN_FOLDERS
from msgspec import Struct

PACKAGES = {"wrk": "wrk"}
"""The Debian package, by its program."""

SCRIPT = Path(__file__).with_name("purchases.lua")
GRACE_SECONDS = 30


class LoadFailed(Exception):
    """Not every answer was what a measurement can be made of."""


class Told(Struct, frozen=True, kw_only=True):
    """What the script tells; `refused` are answers above 399, `broken` connections that failed or timed out."""

    answers: int
    seconds: float
    p50_ms: float
    p99_ms: float
    refused: int
    broken: int


def buy(url: str, event_id: str, *, seconds: int, connections: int, keyed: bool = False) -> Told:
    """Buy seats of this event at Venue1, for so long or until all are sold. Raises LoadFailed."""
    command = ["wrk", "--threads=1", f"--connections={connections}", f"--duration={seconds}s", f"--script={SCRIPT}"]
    result = subprocess.run(
        [*command, url, "--", event_id, *(["keyed"] if keyed else [])],
        env={"PATH": DEBIAN_FOLDERS},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=seconds + GRACE_SECONDS,
        check=False,
    )
    if result.returncode != 0:
        raise LoadFailed(f"wrk ended with code {result.returncode}: {result.stderr.decode()}")
    told = read(result.stdout)
    if told.refused or told.broken:
        raise LoadFailed(f"{url}: {told.refused} refused, {told.broken} broken of {told.answers}")
    return told


def read(output: bytes) -> Told:
    """The script's line, after wrk's own."""
    return msgspec.json.decode(output.splitlines()[-1], type=Told)
