"""The pages: their links resolve, the files and modules they name exist, and lines fit.

A line of prose has at most 100 columns.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
TRACKED = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, check=True, text=True).stdout.splitlines()
PLACES = {f"/{place}" for file in TRACKED for place in (Path(file), *Path(file).parents)}
PAGES = [file for file in TRACKED if file.endswith(".md")]
GENERATED, TEMPLATE = "docs/benchmarks.md", "tests/bench/benchmarks.md"
COLUMNS_MAX = 100

_LINK = re.compile(r"\]\((?!\w+:)([^)#]*)#?([^)]*)\)")
_FILE = re.compile(r"(?<![\w./@-])\w[\w./-]*\.(?:py|lua|md|toml|yaml|html)\b(?!\.)|(?<=`)\w[\w-]*(?:/[\w-]+)+(?=/?`)")
_MODULE = re.compile(r"(?<![\w./-])(?:contracts|purchase|message_terminal|query|infra_local|tests)(?:\.[a-z_]\w*)+\b")


def defects_of(page: str) -> Iterator[str]:
    folder = ROOT / (GENERATED if page == TEMPLATE else page)
    is_code = False
    for number, line in enumerate((ROOT / page).read_text().splitlines(), 1):
        is_code ^= line.lstrip().startswith("```")
        for path, anchor in _LINK.findall(line):
            if not resolves(folder.parent / path if path else folder, anchor):
                yield f"{page}:{number}: there is no {path}#{anchor}"
        for name in [*_FILE.findall(line), *_MODULE.findall(line)]:
            if not exists(name):
                yield f"{page}:{number}: there is no {name}"
        if len(line) > COLUMNS_MAX and not (is_code or line.startswith("|") or page == GENERATED):
            yield f"{page}:{number}: has {len(line)} columns"


def resolves(target: Path, anchor: str) -> bool:
    if not anchor:
        return target.exists()
    headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE) if target.exists() else []
    return anchor in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def exists(name: str) -> bool:
    """Return whether a path ends in this name, or it is a module or a name in one."""
    owner, _, last = name.replace(".", "/").rpartition("/")
    paths = tuple(f"/{path}" for path in (name, f"{owner}/{last}", f"{owner}/{last}.py"))
    owners = [file for file in TRACKED if f"/{file}".endswith((f"/{owner}.py", f"/{owner}/__init__.py"))]
    return any(place.endswith(paths) for place in PLACES) or any(
        re.search(rf"\b{last}\b", (ROOT / file).read_text()) for file in owners
    )


def test_no_page_has_a_defect() -> None:
    defects = [defect for page in PAGES for defect in defects_of(page)]
    assert not defects, "\n".join(defects)


def test_every_alert_has_its_entry_in_the_runbook() -> None:
    alerts = (ROOT / "infra/observability/alerts.yml").read_text()
    runbooks = re.findall(r"runbook: ([^#\s]+)#(\S+)", alerts)
    assert len(runbooks) == alerts.count("- alert:")
    assert [entry for entry in runbooks if not resolves(ROOT / entry[0], entry[1])] == []
