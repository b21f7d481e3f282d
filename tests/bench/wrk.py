"""Runs wrk, which buys seats as fast as it is answered; no seat twice, so all are sales."""

import subprocess
from pathlib import Path

import msgspec
from infra_local.programs import DEBIAN_FOLDERS
from msgspec import Struct

PACKAGES = {"wrk": "wrk"}
"""The Debian package, keyed by its program."""

SCRIPT = Path(__file__).with_name("purchases.lua")
GRACE_SECONDS = 30


class LoadFailed(Exception):
    """Some answers were not 201, so that the measurement is void."""


class Result(Struct, frozen=True, kw_only=True):
    """The script's figures.

    `refused` counts answers above 399, `broken` counts connections that failed or timed out.
    """

    answers: int
    seconds: float
    p50_ms: float
    p99_ms: float
    refused: int
    broken: int


def buy(url: str, event_id: str, *, seconds: int, connections: int, keyed: bool = False) -> Result:
    """Buy seats of this event at Venue1 for `seconds`, or until all are sold. Raises LoadFailed."""
    command = ["wrk", "--threads=1", f"--connections={connections}", f"--duration={seconds}s", f"--script={SCRIPT}"]
    finished = subprocess.run(
        [*command, url, "--", event_id, *(["keyed"] if keyed else [])],
        env={"PATH": DEBIAN_FOLDERS},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=seconds + GRACE_SECONDS,
        check=False,
    )
    if finished.returncode != 0:
        raise LoadFailed(f"wrk ended with code {finished.returncode}: {finished.stderr.decode()}")
    result = read(finished.stdout)
    if result.refused or result.broken:
        raise LoadFailed(f"{url}: {result.refused} refused, {result.broken} broken of {result.answers}")
    return result


def read(output: bytes) -> Result:
    """Parse the script's line, which follows wrk's own output."""
    return msgspec.json.decode(output.splitlines()[-1], type=Result)
