"""The services share no code but contracts: some small modules are copies, and must stay equal.

Each test names the parts that differ on purpose.
"""

import ast
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from purchase.http import problems as of_purchase
from query import problems as of_query

ROOT = Path(__file__).parents[2]
PURCHASE = ROOT / "services/purchase/src/purchase"
TERMINAL = ROOT / "services/message-terminal/src/message_terminal"
QUERY = ROOT / "services/query/src/query"
SANDBOX = ROOT / "infra/sandbox/src/payment_sandbox"

COPIES = [TERMINAL, QUERY, SANDBOX]
"""The services that have the same small modules as PURCHASE."""

HEADER_REWRITE = (
    "from collections.abc import Iterable\n",
    "Headers = Iterable[tuple[bytes, bytes]]\n\n",
    '            scope["headers"] = _from_current_span(scope["headers"])\n',
)
"""The parts that query's tracing lacks, with `_from_current_span`."""


def definition(path: Path, name: str) -> str:
    """Return the source of a function, class or method (`Class.method`), docstring included."""
    source = path.read_text()
    scope: ast.AST = ast.parse(source)
    for part in name.split("."):
        (scope,) = (node for node in ast.iter_child_nodes(scope) if getattr(node, "name", None) == part)
    segment = ast.get_source_segment(source, scope)
    assert segment is not None
    return segment


def docstring(path: Path) -> str | None:
    """Return the docstring of a module."""
    return ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("copy", COPIES, ids=lambda copy: copy.name)
def test_readiness_is_the_same_file(copy: Path) -> None:
    assert (copy / "readiness.py").read_text() == (PURCHASE / "readiness.py").read_text()


@pytest.mark.parametrize("copy", COPIES, ids=lambda copy: copy.name)
def test_logging_is_configured_with_the_same_code(copy: Path) -> None:
    ours, theirs = PURCHASE / "process.py", copy / "process.py"
    assert docstring(theirs) == docstring(ours)
    assert definition(theirs, "configure_logging") == definition(ours, "configure_logging")


@pytest.mark.parametrize("copy", COPIES, ids=lambda copy: copy.name)
def test_settings_are_read_with_the_same_code(copy: Path) -> None:
    """The variables differ, and so does `_given`: some services have lists and local secrets."""
    ours, theirs = PURCHASE / "settings.py", copy / "settings.py"
    assert docstring(theirs) == docstring(ours)
    for name in ("WrongSetting", "Settings.read"):
        assert definition(theirs, name) == definition(ours, name)


def test_the_sandbox_is_served_like_purchase() -> None:
    assert definition(SANDBOX / "process.py", "serve") == definition(PURCHASE / "process.py", "serve")


def test_purchase_and_query_trace_with_the_same_code_but_for_the_header_rewrite() -> None:
    path = PURCHASE / "http/tracing.py"
    purchase = path.read_text()
    for part in (*HEADER_REWRITE, definition(path, "_from_current_span") + "\n\n\n"):
        assert purchase.count(part) == 1
        purchase = purchase.replace(part, "")

    query = (QUERY / "tracing.py").read_text().replace("from query.", "from purchase.")
    assert ast.unparse(ast.parse(query)) == ast.unparse(ast.parse(purchase))


def test_the_terminal_sends_its_spans_like_query() -> None:
    """It makes other spans, from messages instead of requests."""
    for name in ("Tracing.__init__", "Tracing.close", "_start_provider", "_close_provider"):
        assert definition(TERMINAL / "tracing.py", name) == definition(QUERY / "tracing.py", name)


def titles(kinds: Iterable[of_purchase.Kind | of_query.Kind]) -> dict[tuple[str, int], str]:
    """Return the title of each kind of problem, by slug and status; the first of a slug counts."""
    by_slug: dict[tuple[str, int], str] = {}
    for kind in kinds:
        by_slug.setdefault((kind.slug, kind.status), kind.title)
    return by_slug


def test_a_problem_has_the_same_title_in_every_service_and_the_gateway() -> None:
    """The gateway's titles are in its configuration."""
    query = titles([*of_query.KINDS.values(), of_query.NOT_FOUND, of_query.METHOD_NOT_ALLOWED, of_query.INTERNAL_ERROR])
    purchase = titles(
        [
            *of_purchase.KINDS.values(),
            of_purchase.NOT_FOUND,
            of_purchase.METHOD_NOT_ALLOWED,
            of_purchase.TOO_LARGE,
            of_purchase.INTERNAL_ERROR,
        ]
    )
    problems = re.findall(r'import problem (\S+) "([^"]+)" (\d+)', (ROOT / "infra/gateway/Caddyfile").read_text())
    gateway = {(slug, int(status)): title for slug, title, status in problems}

    shared = query.keys() & purchase.keys()
    assert shared >= {("invalid-request", 400), ("event-not-found", 404), ("overloaded", 503), ("internal-error", 500)}
    assert {kind: query[kind] for kind in shared} == {kind: purchase[kind] for kind in shared}

    shared = query.keys() & gateway.keys()
    assert shared == {("not-found", 404), ("method-not-allowed", 405)}
    assert {kind: query[kind] for kind in shared} == {kind: gateway[kind] for kind in shared}

    shared = purchase.keys() & gateway.keys()
    assert shared == {("not-found", 404), ("method-not-allowed", 405), ("too-large", 413), ("outcome-unknown", 504)}
    assert {kind: purchase[kind] for kind in shared} == {kind: gateway[kind] for kind in shared}
