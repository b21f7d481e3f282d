"""Whether our prose is plain English: `python -m tests.plain_english`.

Counts sentences that begin with `What`, `Whoever` or `Whatever`, and the words `tell`, `tells` and
`told`, in docstrings, comments and Markdown. Exits with status 1 when either is too frequent, and
lists its places.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path

RATE_MAX = 0.5  # of either, in 1,000 words
RIDDLES = {  # a question may begin so
    "What": re.compile(r"(?:^[\W\d]*|[.!?:;|]\W+)(What|Whoever|Whatever)\b(?!([^.!?\n]|\n(?!\n))*\?)", re.MULTILINE),
    "tell": re.compile(r"\b(tells?|told)\b", re.IGNORECASE),
}


def main(root: Path = Path(__file__).parents[1]) -> int:
    """Print both rates, and the places of one that is too high."""
    tracked = ["git", "-C", str(root), "ls-files", "*.py", "*.lua", "*.md"]
    paths = subprocess.run(tracked, capture_output=True, check=True, encoding="utf-8").stdout.splitlines()
    pages = {path: prose(Path(path).suffix, (root / path).read_text()) for path in paths if (root / path).exists()}
    words = sum(len(re.findall(r"\w+", page)) for page in pages.values())
    status = 0
    for kind in RIDDLES:
        places = [f"  {path}:{line}\n" for path, page in pages.items() for line in riddles(kind, page)]
        rate = 1_000 * len(places) / words
        sys.stdout.write(f"{kind}: {rate:.2f} in 1,000 words\n")
        if rate > RATE_MAX:
            sys.stdout.writelines(places)
            status = 1
    return status


def riddles(kind: str, page: str) -> list[int]:
    """Return the line of each riddle of this kind."""
    return [page.count("\n", 0, found.start(1)) + 1 for found in RIDDLES[kind].finditer(page)]


def prose(suffix: str, text: str) -> str:
    """Blank the code, also where prose quotes it; every line keeps its number."""
    lines = text.split("\n")
    if suffix == ".lua":
        lines = [line.partition("--")[2] for line in lines]
    if suffix == ".py":
        lines, code = [""] * len(lines), lines
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Expr) and isinstance(getattr(node.value, "value", None), str):
                lines[node.lineno - 1 : node.end_lineno] = code[node.lineno - 1 : node.end_lineno]
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                lines[token.start[0] - 1] += token.string
    return re.sub(r"(?s)```.*?```|`[^`\n]*`", lambda quoted: "\n" * quoted[0].count("\n"), "\n".join(lines))


if __name__ == "__main__":
    sys.exit(main())
