"""The gateway in front of stand-ins for two services: its routes, its limits and its problems."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from infra_local import servers
from infra_local.ports import free_port
from infra_local.running import RunningServer

pytestmark = pytest.mark.starts_processes

CONTRACTS = Path(__file__).parents[3] / "libs/contracts"
NO_ANSWER = "/api/v1/no-answer"
TRUNCATED = "/api/v1/holds/truncated-"


class Service(BaseHTTPRequestHandler):
    """A stand-in that answers a call with its own name, the path and the length of the body.

    It closes the connection instead of answering NO_ANSWER, and amid the answer to TRUNCATED.
    """

    protocol_version = "HTTP/1.1"
    name: str

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(length)
        if self.path == NO_ANSWER or len(body) < length:
            self.close_connection = True
            return
        answer = json.dumps({"service": self.name, "path": self.path, "bytes": len(body)}).encode()
        self.send_response(200)
        if self.path.startswith(TRUNCATED):
            self.close_connection = True
            self.send_header("Content-Length", str(len(answer) + 1))
        else:
            self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output free of access logs."""


class Purchase(Service):
    name = "purchase"


class Query(Service):
    name = "query"


@contextmanager
def serving(service: type[Service]) -> Iterator[str]:
    """Serve this stand-in; yield its host:port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), service) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def gateway(directory: Path, purchase_address: str, query_address: str) -> Iterator[httpx.Client]:
    server = servers.caddy(directory, free_port, purchase_address=purchase_address, query_address=query_address)
    running = RunningServer(server)
    running.start()
    with httpx.Client(base_url=running.url) as client:
        yield client
    running.kill()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    directory = tmp_path_factory.mktemp("gateway")
    with serving(Purchase) as purchase, serving(Query) as query, gateway(directory, purchase, query) as client:
        yield client


@pytest.fixture(scope="module")
def without_services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Run a gateway whose services are down."""
    address = f"127.0.0.1:{free_port('unused')}"
    with gateway(tmp_path_factory.mktemp("without-services"), address, address) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "service"),
    [
        ("POST", "/api/v1/tickets", "purchase"),
        ("DELETE", "/api/v1/tickets/1", "purchase"),
        ("PUT", "/api/v1/venues/Venue1", "purchase"),
        ("GET", "/api/v1/holds/1", "purchase"),
        ("GET", "/api/v1/tickets/1", "query"),
        ("GET", "/api/v1/tickets/count/Event1", "query"),
        ("GET", "/api/v1/events?cursor=1", "query"),
        ("GET", "/docs/purchase", "purchase"),
        ("GET", "/docs/purchase/openapi.json", "purchase"),
        ("GET", "/docs/query", "query"),
        ("GET", "/docs/query/openapi.json", "query"),
    ],
)
def test_each_call_reaches_its_service_unchanged(client: httpx.Client, method: str, path: str, service: str) -> None:
    answer = client.request(method, path, content=b"12345" if method == "POST" else None)
    assert answer.status_code == 200
    assert answer.json() == {"service": service, "path": path, "bytes": 5 if method == "POST" else 0}


@pytest.mark.parametrize(
    ("path", "file", "media_type"),
    [
        ("/docs/messages", "asyncapi.html", "text/html; charset=utf-8"),
        ("/docs/messages/", "asyncapi.html", "text/html; charset=utf-8"),
        ("/docs/messages/asyncapi.json", "asyncapi.json", "application/json"),
    ],
)
def test_the_page_of_messages_needs_no_service(
    without_services: httpx.Client, path: str, file: str, media_type: str
) -> None:
    answer = without_services.get(path)
    assert answer.status_code == without_services.head(path).status_code == 200
    assert answer.headers["Content-Type"] == media_type
    assert answer.content == (CONTRACTS / file).read_bytes()


def test_the_log_of_a_failed_call_has_no_hold_id_and_no_receipt(tmp_path: Path) -> None:
    with (
        serving(Purchase) as purchase,
        gateway(tmp_path, purchase, purchase) as client,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        client.get(f"{TRUNCATED}secret-hold", headers={"Receipt": "secret-receipt"})

    log = (tmp_path / "server.log").read_text()
    assert "unexpected EOF" in log
    assert "secret" not in log


def test_head_is_answered_like_get(client: httpx.Client) -> None:
    assert client.head("/api/v1/tickets/1").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/api/v1/tickets/1", "GET, HEAD, POST, PUT, DELETE"),
        ("OPTIONS", "/api/v1/tickets", "GET, HEAD, POST, PUT, DELETE"),
        ("TRACE", "/api/v1/tickets", "GET, HEAD, POST, PUT, DELETE"),
        ("POST", "/docs/purchase", "GET, HEAD"),
        ("DELETE", "/docs/query/openapi.json", "GET, HEAD"),
        ("POST", "/docs/messages", "GET, HEAD"),
        ("PUT", "/docs/messages/asyncapi.json", "GET, HEAD"),
    ],
)
def test_another_method_is_405_and_the_answer_names_the_allowed_ones(
    client: httpx.Client, method: str, path: str, allowed: str
) -> None:
    answer = client.request(method, path)
    assert_problem(answer, 405, "method-not-allowed", path)
    assert answer.headers["Allow"] == allowed


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api/v1",
        "/api/v2/tickets",
        "/docs",
        "/docs/terminal",
        "/docs/messages/asyncapi.html",
        "/docs/messages/pyproject.toml",
        "/docs/messages/../../pyproject.toml",
        "/health/ready",
        "/metrics",
        "/api/v1/../../metrics",
        "/api/v1/%2e%2e/%2e%2e/metrics",
        "/api/v1/..%2f..%2fmetrics",
        "/docs/query/../../health/live",
    ],
)
def test_every_other_path_is_404_also_health_and_metrics(client: httpx.Client, path: str) -> None:
    status, problem = get_exactly(client, path)
    assert status == 404
    assert problem["type"] == "/problems/not-found"
    assert problem["instance"] == path


def test_the_path_in_a_problem_is_escaped(client: httpx.Client) -> None:
    _, problem = get_exactly(client, '/"}{{.Host}}\\')
    assert problem["instance"] == "/%22%7D%7B%7B.Host%7D%7D%5C"


def test_a_body_of_64_kib_passes_and_one_byte_more_is_413(client: httpx.Client) -> None:
    assert client.post("/api/v1/tickets", content=bytes(65_536)).json()["bytes"] == 65_536
    assert_problem(client.post("/api/v1/tickets", content=bytes(65_537)), 413, "too-large", "/api/v1/tickets")


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/api/v1/tickets"), ("GET", "/api/v1/tickets/1"), ("GET", "/docs/query")]
)
def test_a_service_that_is_down_is_503_with_retry_after(without_services: httpx.Client, method: str, path: str) -> None:
    answer = without_services.request(method, path)
    assert_problem(answer, 503, "service-unavailable", path)
    assert answer.headers["Retry-After"] == "1"


def test_a_connection_that_is_closed_before_the_answer_is_502(client: httpx.Client) -> None:
    """The problem is not 503, because the service may have done something."""
    assert_problem(client.post(NO_ANSWER), 502, "bad-gateway", NO_ANSWER)


def assert_problem(answer: httpx.Response, status: int, slug: str, path: str) -> None:
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem.keys() == {"type", "title", "status", "detail", "instance"}
    assert (problem["type"], problem["status"], problem["instance"]) == (f"/problems/{slug}", status, path)


def get_exactly(client: httpx.Client, path: str) -> tuple[int, dict[str, object]]:
    """GET exactly this path, which a client would normalise; return status and decoded body."""
    with socket.create_connection((client.base_url.host, client.base_url.port or 80), 5) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n".encode())
        answer = connection.makefile("rb").read()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)
