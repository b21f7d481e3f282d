"""PyPI's `localstripe` as a process: an independent imitation of Stripe.

It differs from Stripe in four ways, which the tests avoid: it ignores idempotency keys, accepts
`pm_card_visa_chargeDeclined`, captures cancelled payments, and refunds more than was captured.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from infra_local import probes
from infra_local.ports import free_port
from infra_local.running import RunningServer
from infra_local.servers import Server

API_KEY = "sk_test_12345"
# Its own start script listens on every address, and stores its state in one file per machine.
START = """
import sys
from aiohttp import web
from localstripe import resources, server
resources.Store.dump_to_disk = lambda store: None
web.run_app(server.app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
"""


@contextmanager
def serving() -> Iterator[str]:
    """Address of a localstripe without data."""
    directory, port = Path(tempfile.mkdtemp(prefix="ticketing-")), free_port("localstripe")
    process = RunningServer(
        Server(
            name="localstripe",
            directory=directory,
            ports={"http": port},
            url=f"http://127.0.0.1:{port}",
            argv=[sys.executable, "-c", START, str(port)],
            ready=partial(probes.http_answers, port, "/js.stripe.com/v3/"),
        )
    )
    try:
        process.start()
        yield process.url
    finally:
        process.kill()
        shutil.rmtree(directory)
