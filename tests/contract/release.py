"""Write schemas, samples and AsyncAPI files from the code: `python -m tests.contract.release`.

Exits with 0 if they are written. Writes nothing and exits with 1 if that would break released
versions, with 2 if they cannot be compared with main.
"""

import sys
from pathlib import Path

import msgspec

from tests.contract.asyncapi.document import document
from tests.contract.asyncapi.page import page
from tests.contract.compatibility import ROOT, RULE, SAMPLES, SCHEMAS, compared, documents, parsed, report
from tests.contract.main_branch import CannotCompare
from tests.contract.schemas import schemas
from tests.stage.samples import samples

DOCUMENT = "libs/contracts/asyncapi.json"
PAGE = "libs/contracts/asyncapi.html"


def contract_files() -> dict[str, bytes]:
    """Build every schema and sample, indented, keyed by path."""
    lines = {f"{SCHEMAS}/{name}.json": msgspec.json.encode(schema) for name, schema in schemas().items()}
    lines |= {f"{SAMPLES}/{name}.json": sample for name, sample in samples().items()}
    return {path: _indented(line) for path, line in lines.items()}


def asyncapi_files() -> dict[str, bytes]:
    """Build the AsyncAPI document, for programs and as a page for people, keyed by path."""
    whole = document()
    return {DOCUMENT: _indented(msgspec.json.encode(whole)), PAGE: page(whole).encode()}


def write(files: dict[str, bytes], root: Path = ROOT) -> list[str]:
    """Write these files, remove every other schema and sample, and report each change in a line."""
    there = {path: (root / path).read_bytes() for path in files if (root / path).exists()} | documents(root)
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(text)
    for path in there.keys() - files.keys():
        (root / path).unlink()
    changed = [f"wrote {path}" for path, text in files.items() if there.get(path) != text]
    return changed + [f"removed {path}" for path in sorted(there.keys() - files.keys())] or ["nothing to change"]


def main(root: Path = ROOT) -> int:
    files = contract_files()
    try:
        comparisons = compared(parsed(files), root)
    except CannotCompare as error:
        sys.stdout.write(f"nothing was written: cannot compare with main: {error}\n")
        return 2
    if any(comparison.broken for comparison in comparisons):
        sys.stdout.write("\n".join([*report(comparisons, root), RULE, "nothing was written"]) + "\n")
        return 1
    sys.stdout.write("\n".join(write(files | asyncapi_files(), root)) + "\n")
    return 0


def _indented(line: bytes) -> bytes:
    return msgspec.json.format(line, indent=2) + b"\n"


if __name__ == "__main__":
    sys.exit(main())
