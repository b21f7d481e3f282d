"""The framework's minimum for a purchase request: return the body, as bytes or decoded and encoded.

`python -m tests.bench.echoes raw` (or `typed`) serves one of them in the same way as purchase.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from infra_local import probes
from infra_local.platform import PROFILE
from infra_local.ports import free_port
from infra_local.running import RunningServer
from infra_local.servers import Server
from litestar import Litestar, post
from litestar.response.base import ASGIResponse
from purchase.http.bodies import PurchaseTicketBody
from purchase.http.requests import HttpRequest
from purchase.process import serve
from purchase.settings import Settings


@post("/api/v1/tickets")
async def raw(request: HttpRequest) -> ASGIResponse:
    """Return the body without parsing it."""
    return ASGIResponse(body=await request.body(), status_code=201)


@post("/api/v1/tickets")
async def typed(data: PurchaseTicketBody) -> PurchaseTicketBody:
    """Decode the body into a struct and encode it again."""
    return data


ROOT = Path(__file__).parents[2]
ECHOES = {"raw": raw, "typed": typed}


@contextmanager
def running(kind: str, home: Path) -> Iterator[RunningServer]:
    """Run one of them in a separate process."""
    port = free_port(kind)
    server = RunningServer(
        Server(
            name=kind,
            directory=home / kind,
            ports={"http": port},
            url=f"http://127.0.0.1:{port}",
            argv=[sys.executable, "-m", "tests.bench.echoes", kind],
            environment={**PROFILE, "HTTP_PORT": str(port), "PYTHONPATH": str(ROOT)},
            ready=partial(probes.listens, port),
        )
    )
    server.start()
    try:
        yield server
    finally:
        server.stop()


def main() -> None:
    serve(Litestar([ECHOES[sys.argv[1]]], openapi_config=None, logging_config=None), Settings.read())


if __name__ == "__main__":
    main()
