"""Whether the terminal runs, and whether it can do its work: consumers up, stores answering."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import msgspec
from faststream.asgi import AsgiResponse, get
from faststream.asgi.handlers import GetHandler

CHECK_SECONDS = 2.0

Check = Callable[[], Awaitable[None]]


class NotReady(Exception):
    """Something that is needed is missing; the text says what."""


async def _live(_: object) -> AsgiResponse:
    return _answer(200, {"status": "live"})


live: GetHandler = get(_live)


def ready(checks: Mapping[str, Check]) -> GetHandler:
    """A handler that answers 200 when no check raises, else 503 with what each of them said."""

    async def _ready(_: object) -> AsgiResponse:
        said = dict(zip(checks, await asyncio.gather(*(_outcome(check) for check in checks.values())), strict=True))
        is_ready = all(outcome == "ok" for outcome in said.values())
        return _answer(200 if is_ready else 503, {"status": "ready" if is_ready else "not ready", "checks": said})

    return get(_ready)


async def _outcome(check: Check) -> str:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except Exception as error:
        return f"{type(error).__name__} {error}"[:300]
    return "ok"


def _answer(status: int, body: object) -> AsgiResponse:
    return AsgiResponse(msgspec.json.encode(body), status, {"content-type": "application/json"})
