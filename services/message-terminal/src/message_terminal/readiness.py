"""Whether the process can do its work: named checks, and the answer of /health/ready.

NotReady    the process cannot do its work; the text says why
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import msgspec

CHECK_SECONDS = 2.0
REASON_MAX = 300

Check = Callable[[], Awaitable[None]]


class NotReady(Exception):
    """The process cannot do its work; the text says why."""


async def readiness(checks: Mapping[str, Check]) -> tuple[int, bytes]:
    """Run all checks at once; return the HTTP status, 200 or 503, and the body.

    The body is `{"status": "ready" | "not ready", "checks": {<name>: "ok" | <reason>}}`.
    """
    outcomes = await asyncio.gather(*(_outcome(check) for check in checks.values()))
    is_ready = all(outcome == "ok" for outcome in outcomes)
    body = {"status": "ready" if is_ready else "not ready", "checks": dict(zip(checks, outcomes, strict=True))}
    return 200 if is_ready else 503, msgspec.json.encode(body)


async def _outcome(check: Check) -> str:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except NotReady as error:
        return f"{error}"[:REASON_MAX]
    except TimeoutError:
        return f"no answer within {CHECK_SECONDS:g} s"
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:REASON_MAX]
    return "ok"
